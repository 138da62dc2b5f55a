// Keycloak as a SAML identity provider, set up over its REST API. Its database is kept in .tools, since an empty one
// makes the start a minute longer; the realm is made anew each time.
import { join } from 'node:path';
import { freePort, startProgram } from './process.mjs';
import { people } from './people.mjs';

const home = join(import.meta.dirname, '../../.tools/keycloak');
const KEYS = 'org.keycloak.keys.KeyProvider';
const ADMIN = { username: 'admin', password: 'only-for-tests' };

export async function startKeycloak(port) {
  port ??= await freePort();
  const managementPort = await freePort();
  const host = `127.0.0.1:${port}`;
  const program = await startProgram(
    join(home, 'bin/kc.sh'),
    [
      'start', '--optimized', '--http-enabled=true', '--hostname-strict=false', '--cache=local',
      '--http-host=127.0.0.1', `--http-port=${port}`,
      '--http-management-host=127.0.0.1', `--http-management-port=${managementPort}`,
    ],
    {
      env: {
        JAVA_OPTS_KC_HEAP: '-Xms64m -Xmx512m',
        KC_BOOTSTRAP_ADMIN_USERNAME: ADMIN.username,
        KC_BOOTSTRAP_ADMIN_PASSWORD: ADMIN.password,
      },
      ready: `http://${host}/realms/master`,
      seconds: 300,
    },
  );
  const call = administrator(host);
  const changeKey = async (name, config) => {
    const found = await call('GET', `/admin/realms/doorward/components?type=${KEYS}`);
    const component = found.find((one) => one.name === name);
    const changed = { ...component, config: { ...component.config, ...config } };
    await call('PUT', `/admin/realms/doorward/components/${component.id}`, changed);
  };
  await call('DELETE', '/admin/realms/doorward').catch(() => {}); // the first time there is none
  await call('POST', '/admin/realms', realm());

  return {
    name: 'Keycloak',
    connector: 'keycloak-saml',
    host,
    entityId: `http://${host}/realms/doorward`,
    metadataUrl: `http://${host}/realms/doorward/protocol/saml/descriptor`,

    async register(metadata, { encrypt = false, verify = true } = {}) {
      const client = await call('POST', '/admin/realms/doorward/client-description-converter', metadata);
      const known = await call('GET', `/admin/realms/doorward/clients?clientId=${encodeURIComponent(client.clientId)}`);
      Object.assign(client.attributes, {
        'saml.server.signature': 'true',
        'saml.assertion.signature': 'true',
        'saml.signature.algorithm': 'RSA_SHA256',
        'saml.encrypt': String(encrypt),
        ...(verify ? {} : { 'saml.client.signature': 'false' }),
        saml_name_id_format: 'email',
        saml_force_name_id_format: 'true',
      });
      // Changed in place where it is known: people may be signing in.
      if (known.length) await call('PUT', `/admin/realms/doorward/clients/${known[0].id}`, { ...known[0], ...client });
      else await call('POST', '/admin/realms/doorward/clients', { ...client, protocolMappers: mappers() });
    },

    /** Another key is published beside the one that signs; then it signs; then the former one is gone. */
    async addKey() {
      const { id } = await call('GET', '/admin/realms/doorward');
      await call('POST', '/admin/realms/doorward/components', signingKey(id, 'next', 1));
    },
    switchKey: () => changeKey('next', { priority: ['1000'] }),
    async dropKey() {
      const keys = await call('GET', '/admin/realms/doorward/keys');
      const { providerId } = keys.keys.find((key) => key.kid !== keys.active.RS256 && key.algorithm === 'RS256');
      const former = await call('GET', `/admin/realms/doorward/components/${providerId}`);
      await changeKey(former.name, { active: ['false'], enabled: ['false'] });
    },

    /** At this provider's page: sign in as one of people.json. */
    async signIn(page, person) {
      await page.fill('[name=username]', person);
      await page.fill('[name=password]', people[person].password);
      await page.press('[name=password]', 'Enter');
    },

    /** Ends the person's session at this provider, and says so to whoever they signed in to. */
    async signOut(page) {
      await page.goto(`http://${host}/realms/doorward/protocol/openid-connect/logout`);
      await page.click('#kc-logout');
    },

    /** Where such a sign-out ends. */
    signedOut: (page) => page.getByRole('heading', { name: 'You are logged out' }).waitFor(),

    log: () => program.output,
    stop: () => program.stop(),
  };
}

/** Calls of the REST API as its administrator. A string is sent as it is, anything else as JSON. */
function administrator(host) {
  // A token holds for a minute.
  const newToken = async () => {
    const form = new URLSearchParams({ grant_type: 'password', client_id: 'admin-cli', ...ADMIN });
    const tokens = await fetch(`http://${host}/realms/master/protocol/openid-connect/token`, { method: 'POST', body: form });
    return (await tokens.json()).access_token;
  };
  return async (method, path, body) => {
    const token = await newToken();
    const isText = typeof body === 'string';
    const answer = await fetch(`http://${host}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': isText ? 'application/xml' : 'application/json' },
      body: isText ? body : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`Keycloak: ${method} ${path} answered ${answer.status} ${text}`);
    return text && JSON.parse(text);
  };
}

/** A signing key of a realm. Of several the one with the highest priority signs; all of them are published. */
function signingKey(realmId, name, priority) {
  const config = { priority: [String(priority)], enabled: ['true'], active: ['true'], keySize: ['2048'], algorithm: ['RS256'] };
  return { name, parentId: realmId, providerId: 'rsa-generated', providerType: KEYS, config };
}

function realm() {
  const users = Object.entries(people).map(([username, person]) => ({
    username,
    enabled: true,
    email: person.mail,
    emailVerified: true,
    firstName: person.givenName,
    lastName: person.sn,
    groups: person.groups.map((group) => `/${group}`),
    credentials: [{ type: 'password', value: person.password, temporary: false }],
  }));
  const groups = [...new Set(users.flatMap((user) => user.groups))].map((path) => ({ name: path.slice(1) }));
  return { realm: 'doorward', enabled: true, sslRequired: 'none', groups, users };
}

function mappers() {
  const property = (name, user) => ({
    name,
    protocol: 'saml',
    protocolMapper: 'saml-user-property-mapper',
    config: { 'user.attribute': user, 'attribute.name': name, 'attribute.nameformat': 'Basic' },
  });
  const groups = {
    name: 'groups',
    protocol: 'saml',
    protocolMapper: 'saml-group-membership-mapper',
    config: { 'attribute.name': 'groups', 'attribute.nameformat': 'Basic', single: 'true', 'full.path': 'false' },
  };
  return [property('email', 'email'), property('firstName', 'firstName'), property('lastName', 'lastName'), groups];
}
