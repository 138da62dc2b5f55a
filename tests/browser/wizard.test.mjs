// The wizard from end to end, as an admin walks it who has never seen it: from an empty Security & Access page to a
// person who signs in through a real identity provider, with and without JavaScript.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { people } from '../peers/people.mjs';
import { withPeer } from '../peers/peers.mjs';
import { signIn, withDoorward } from './doorward.mjs';
import { expectSilentConsole, launchBrowser } from './harness.mjs';
import { linkOneself, setUpConnection, signInThrough } from './wizard.mjs';

let browser;
before(async () => (browser = await launchBrowser()));
after(() => browser.close());

for (const javaScript of [true, false]) {
  test(`an admin sets up single sign-on ${javaScript ? 'with' : 'without'} JavaScript`, () =>
    withPeer('simplesamlphp', (peer) =>
      withDoorward({ env: { DOORWARD_OUTBOUND_ALLOW: peer.host } }, async (doorward) => {
        await doorward.createAdmin();
        const page = await browser.newPage({ baseURL: doorward.url, javaScript });
        await signIn(page, doorward);
        await setUpConnection(page, peer, doorward);
        await linkOneself(page, doorward);
        expectSilentConsole(page);

        const person = await browser.newPage({ baseURL: doorward.url, javaScript });
        await signInThrough(person, peer, doorward, 'bob');
        assert.ok((await person.innerText('main')).includes(people.bob.mail));
      }),
    ));
}
