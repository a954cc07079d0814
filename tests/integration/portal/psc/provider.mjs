// A look-alike of Pro Santé Connect: a real OpenID provider with its scopes, its claims and a login page of its own.
// One argument, JSON: certificate, key (files, PEM), clientId, clientSecret, origin (of the door of the portal).
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import Provider from 'oidc-provider';

const told = JSON.parse(process.argv[2]);
const ACCOUNT = 'f:550dc1c8-d97b-4b1e-ac8c-8eb4471cf9dd';
const PEOPLE = {
  899700990011: ['LEROUX', 'CAMILLE'],
  899700990037: ['MARCHAND', 'SOPHIE'],
};
const SCOPE_ALL = ['SubjectNameID', 'SubjectRole', 'SubjectRefPro', 'family_name', 'given_name', 'preferred_username'];

function claimsOf(sub) {
  const id = sub.split(':')[2];
  const [nom, prenom] = PEOPLE[id] ?? ['INCONNU', 'ALIX'];
  return {
    sub,
    SubjectNameID: id,
    preferred_username: id,
    family_name: nom,
    given_name: prenom,
    SubjectRole: ['10^1.2.250.1.213.1.1.5.5'],
    SubjectRefPro: { codeCivilite: 'DR', exercices: [{ codeProfession: '10', codeCategorieProfessionnelle: 'C', activities: [] }] },
  };
}

const page = (title, body) =>
  `<!doctype html><html lang="fr"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1>${body}</html>`;

const configuration = {
  clients: [{
    client_id: told.clientId,
    client_secret: told.clientSecret,
    redirect_uris: [`${told.origin}/psc/retour`],
    post_logout_redirect_uris: [`${told.origin}/deconnexion`],
    backchannel_logout_uri: `${told.origin}/psc/fin-de-session`,
    backchannel_logout_session_required: true,
    grant_types: ['authorization_code'],
    response_types: ['code'],
  }],
  scopes: ['openid', 'scope_all'],
  acrValues: ['eidas1'],
  claims: { openid: ['sub'], acr: null, sid: null, auth_time: null, iss: null, scope_all: SCOPE_ALL },
  conformIdTokenClaims: false,
  // Its own dispatcher calls no loopback address, where the portal of these tests is.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  pkce: { required: () => true },
  cookies: { keys: ['of these tests alone'] },
  findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => claimsOf(sub) }),
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope('openid scope_all');
    await grant.save();
    return grant;
  },
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource(ctx, form) {
        ctx.body = page('Fin de session', `${form}<button type="submit" form="op.logoutForm" name="logout" value="yes">Fermer ma session</button>`);
      },
    },
  },
};

async function interact(provider, request, response) {
  if (request.method === 'GET') {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(page('Pro Santé Connect', `<form method="post">
      <label>Identifiant national <input name="identifiant"></label>
      <button name="geste" value="confirmer">Se connecter avec e-CPS</button>
      <button name="geste" value="refuser">Refuser</button></form>`));
    return;
  }
  let body = '';
  for await (const part of request) body += part;
  const form = new URLSearchParams(body);
  const result = form.get('geste') === 'refuser'
    ? { error: 'access_denied', error_description: 'refus' }
    : { login: { accountId: `${ACCOUNT}:${form.get('identifiant')}`, acr: 'eidas1', amr: ['pop'] } };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

const server = createServer({ cert: readFileSync(told.certificate), key: readFileSync(told.key) });
server.listen(0, '127.0.0.1', () => {
  const provider = new Provider(`https://localhost:${server.address().port}`, configuration);
  const serve = provider.callback();
  server.on('request', (request, response) => {
    if (request.url.startsWith('/interaction/')) {
      interact(provider, request, response).catch((error) => { response.statusCode = 500; response.end(String(error)); });
    } else {
      serve(request, response);
    }
  });
  console.log(server.address().port);
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
