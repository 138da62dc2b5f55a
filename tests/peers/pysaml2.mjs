// pysaml2 as a SAML identity provider, steered by `next`: see pysaml2.py. It demands signed requests.
import { join } from 'node:path';
import { freePort, makeKeyPair, startProgram, temporaryFolder } from './process.mjs';

const here = import.meta.dirname;

export async function startPysaml2(port) {
  const { folder, remove } = await temporaryFolder('pysaml2');
  await makeKeyPair(folder, 'pysaml2');
  port ??= await freePort();
  const host = `127.0.0.1:${port}`;
  const metadataUrl = `http://${host}/metadata`;
  const python = join(here, '../../.tools/python/bin/python');
  const program = await startProgram(python, [join(here, 'pysaml2.py'), port, folder], { ready: metadataUrl });

  async function post(path, body) {
    const answer = await fetch(`http://${host}${path}`, { method: 'POST', body });
    if (!answer.ok) throw new Error(`pysaml2: ${path} answered ${answer.status}\n${program.output}`);
  }

  return {
    name: 'pysaml2',
    connector: 'custom-saml',
    host,
    entityId: `http://${host}/idp`,
    metadataUrl,

    register: (metadata) => post('/service-providers', metadata),

    /** What the following sign-ins look like; see pysaml2.py. It encrypts with Triple DES and nothing else. */
    next: (wanted) => post('/next', JSON.stringify(wanted)),

    /** At this provider's page: choose one of people.json. */
    signIn: (page, person) => page.click(`button[value=${person}]`),

    /** Begins a sign-out at this provider, of whoever signed in last. */
    signOut: (page) => page.goto(`http://${host}/logout`),

    /** Where such a sign-out ends; the page says what was answered. */
    signedOut: (page) => page.getByText('signed out: Success').waitFor(),

    log: () => program.output,
    async stop() {
      await program.stop();
      await remove();
    },
  };
}
