// A certified OpenID provider, as a process: `node lib/issuer.mjs PORT CALLBACK_URL LOGOUT_URL`.
// Prints a line when it listens. Whoever types an address is that person.

import Provider from 'oidc-provider';

const [port, callbackUrl, logoutUrl] = process.argv.slice(2);
const issuer = `http://localhost:${port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'chat',
      client_secret: 'a secret of the client',
      redirect_uris: [callbackUrl],
      post_logout_redirect_uris: [logoutUrl],
    },
  ],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'given_name'] },
  findAccount: (context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: id, email_verified: true, given_name: 'Grace' }),
  }),
});
provider.listen(Number(port), '127.0.0.1', () => console.log('listening'));
