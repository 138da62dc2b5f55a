// SimpleSAMLphp, Debian's version, as a SAML identity provider. It demands signed requests and signs both the
// response and the assertion, unless an option of `register` says otherwise.
import { readFileSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, makeKeyPair, startProgram, temporaryFolder } from './process.mjs';
import { people } from './people.mjs';

const here = import.meta.dirname;
const installed = join(here, '../../.tools/simplesamlphp');

export async function startSimpleSamlPhp(port) {
  const { folder, remove } = await temporaryFolder('simplesamlphp');
  await makeKeyPair(folder, 'simplesamlphp');
  const publish = (...keys) => writeFile(join(folder, 'keys.json'), JSON.stringify(keys));
  await publish('simplesamlphp');
  await writeFile(join(folder, 'simplesamlphp.log'), '');
  await mkdir(join(folder, 'root'));
  await symlink(join(installed, 'usr/share/simplesamlphp/www'), join(folder, 'root/simplesaml'));

  const host = `127.0.0.1:${port ?? (await freePort())}`;
  const metadataUrl = `http://${host}/simplesaml/saml2/idp/metadata.php`;
  const program = await startProgram('php', ['-S', host, '-t', join(folder, 'root')], {
    env: {
      SIMPLESAMLPHP_CONFIG_DIR: join(here, 'simplesamlphp'),
      PEER_URL: `http://${host}`,
      PEER_FOLDER: folder,
      PEER_ATTRIBUTE_MAPS: join(installed, 'etc/simplesamlphp/attributemap/'),
    },
    ready: metadataUrl,
  });

  let registered = 0;
  return {
    name: 'SimpleSAMLphp',
    connector: 'simplesamlphp-saml',
    host,
    entityId: `http://${host}/idp`,
    metadataUrl,

    /** `options` may hold SimpleSAMLphp's own words too, such as `saml20.sign.response` and `saml20.sign.assertion`. */
    async register(metadata, { encrypt = false, ...options } = {}) {
      const file = join(folder, `sp-${(registered += 1)}.xml`);
      await writeFile(`${file}.json`, JSON.stringify({ 'assertion.encryption': encrypt, ...options }));
      await writeFile(file, metadata);
    },

    /** Another key is published beside the one that signs; then it signs; then the former one is gone. */
    async addKey() {
      await makeKeyPair(folder, 'next');
      await publish('simplesamlphp', 'next');
    },
    switchKey: () => publish('next', 'simplesamlphp'),
    dropKey: () => publish('next'),

    /** At this provider's page: sign in as one of people.json. */
    async signIn(page, person) {
      await page.fill('[name=username]', person);
      await page.fill('[name=password]', people[person].password);
      await page.press('[name=password]', 'Enter');
    },

    /** Where a sign-in begins that no service provider asked for. */
    unsolicitedUrl: (serviceProvider) =>
      `http://${host}/simplesaml/saml2/idp/SSOService.php?spentityid=${encodeURIComponent(serviceProvider)}`,

    /** Begins a sign-out at this provider, in the browser that signed in through it. */
    signOut: (page) =>
      page.goto(`http://${host}/simplesaml/saml2/idp/initSLO.php?RelayState=${encodeURIComponent('/simplesaml/logout.php')}`),

    /** Where such a sign-out ends. */
    signedOut: (page) => page.waitForURL((url) => url.host === host && url.pathname.endsWith('/logout.php')),

    log: () => readFileSync(join(folder, 'simplesamlphp.log'), 'utf8'),
    async stop() {
      await program.stop();
      await remove();
    },
  };
}
