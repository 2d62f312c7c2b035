"""The console: accounts, keys and channels for programs and scripts, in the form the family of
"New API" gateways has. Answers are ``{success, message, data}``; statuses are HTTP's.
"""
