"""Who somebody is, on the word of a provider elsewhere (contract 01 §4.11).

The modules here talk to providers and know no accounts; ``accounts.services.external`` makes an
account of what they find out.
"""
