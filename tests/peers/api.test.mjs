// The same over the management API, as a script does it: a connection from a metadata link, a test that a browser
// passes, activation, and a person whom GET /me knows.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { whoIs, withDoorward } from '../browser/doorward.mjs';
import { launchBrowser } from '../browser/harness.mjs';
import { signInThrough } from '../browser/wizard.mjs';
import { people } from './people.mjs';
import { withPeer } from './peers.mjs';

let browser;
before(async () => (browser = await launchBrowser()));
after(() => browser.close());

test('a connection is made, tested and turned on over the API', () =>
  withPeer('simplesamlphp', (peer) =>
    withDoorward({ env: { DOORWARD_OUTBOUND_ALLOW: peer.host } }, async (doorward) => {
      await doorward.createAdmin();
      const settings = { kind: 'saml', name: peer.name, idp_metadata_url: peer.metadataUrl };
      const connection = await doorward.api('POST', '/connections', settings);
      assert.equal(connection.status, 'draft');
      const metadata = await fetch(connection.metadata_url);
      await peer.register(await metadata.text());

      const run = await doorward.api('POST', `/connections/${connection.id}/tests`);
      const tester = await browser.newPage();
      await tester.goto(run.url);
      await peer.signIn(tester, 'alice');
      await tester.waitForURL((url) => url.origin === doorward.url);
      const result = await doorward.api('GET', `/connections/${connection.id}/tests/${run.id}`);
      assert.equal(result.status, 'passed', JSON.stringify(result));
      assert.equal(await whoIs(tester, doorward), null, 'a test signs nobody in');
      const active = await doorward.api('POST', `/connections/${connection.id}/activate`);
      assert.equal(active.status, 'active');

      const page = await browser.newPage({ baseURL: doorward.url });
      await signInThrough(page, peer, doorward, 'bob');
      const me = await whoIs(page, doorward);
      assert.equal(me.email, people.bob.mail);
      assert.equal(me.name, people.bob.displayName);
      assert.equal(me.job_title, people.bob.title);
      assert.deepEqual(me.roles, ['member']);
      assert.deepEqual(me.signed_in_with, { kind: 'saml', connection_id: connection.id });
    }),
  ));
