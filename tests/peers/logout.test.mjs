// Single logout with real identity providers, through a real browser, both ways: begun here and begun there.
// SimpleSAMLphp and Keycloak speak by Redirect, pysaml2 by POST; all sign, and verify what we sign.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { signIn, withDoorward } from '../browser/doorward.mjs';
import { launchBrowser } from '../browser/harness.mjs';
import { setUpConnection, signInThrough } from '../browser/wizard.mjs';
import { peerNames, withPeer } from './peers.mjs';

let browser;
before(async () => (browser = await launchBrowser()));
after(() => browser.close());

for (const name of peerNames) {
  test(`single logout with ${name}`, (t) =>
    withPeer(name, (peer) =>
      withDoorward({ env: { DOORWARD_OUTBOUND_ALLOW: peer.host } }, async (doorward) => {
        await doorward.createAdmin();
        const admin = await browser.newPage({ baseURL: doorward.url });
        await signIn(admin, doorward);
        const world = { peer, doorward, admin, connection: await setUpConnection(admin, peer, doorward) };
        for (const javaScript of [true, false]) {
          const how = javaScript ? 'with JavaScript' : 'without JavaScript';
          await t.test(`begun there, it ends here, ${how}`, () => begunThere(world, { javaScript }));
        }
        await t.test('begun here, it stays here unless the connection says otherwise', () => staysHere(world));
        await reachTheProvider(world);
        for (const javaScript of [true, false]) {
          const how = javaScript ? 'with JavaScript' : 'without JavaScript';
          await t.test(`begun here, it ends there too, ${how}`, () => begunHere(world, { javaScript }));
        }
      }),
    ));
}

async function signedIn({ peer, doorward }, options) {
  const page = await browser.newPage({ baseURL: doorward.url, ...options });
  await signInThrough(page, peer, doorward, 'bob');
  return page;
}

async function begunThere(world, options) {
  const page = await signedIn(world, options);
  await world.peer.signOut(page);
  await sendMessages(page);
  await world.peer.signedOut(page);
  await page.goto('/account');
  assert.ok(page.url().includes('/sign-in'), `still signed in: ${page.url()}`);
  const { data } = await world.doorward.api('GET', '/audit-events?action=session.provider_signed_out');
  assert.ok(data.some((event) => event.target.kind === 'session'), JSON.stringify(data));
}

async function signOutHere(page, peer) {
  await page.goto('/sign-out');
  await page.click('main form [type=submit]');
  await sendMessages(page);
  await page.getByRole('heading', { name: /^You're signed out/ }).waitFor().catch(async (error) => {
    throw new Error(`${page.url()}: ${await page.innerText('body')}\n${peer.log().slice(-2000)}`, { cause: error });
  });
  return page.innerText('main');
}

async function staysHere(world) {
  const page = await signedIn(world);
  assert.match(await signOutHere(page), /may still know you/);
}

async function begunHere(world, options) {
  const page = await signedIn(world, options);
  const said = await signOutHere(page, world.peer);
  assert.match(said, /says that it signed you out too/);
  await page.goto('/account');
  assert.ok(page.url().includes('/sign-in'), 'nobody is signed in here');
  // There, too: the provider asks who it is.
  await page.goto(`/sso/${world.connection}/start`);
  await world.peer.signIn(page, 'alice');
}

/** In the console, as an admin does it. */
async function reachTheProvider({ admin, connection }) {
  await admin.goto(`/admin/security/sso/${connection}/edit`);
  assert.notEqual(await admin.inputValue('#slo_url'), '', 'the metadata named it');
  await admin.selectOption('#logout', 'global');
  await admin.getByRole('button', { name: 'Save' }).click();
  await admin.getByText('Saved.').waitFor();
}

/** Without JavaScript each message by POST waits for its button to be pressed; by Redirect they go on by themselves. */
async function sendMessages(page) {
  if (page.javaScript) return;
  const message = page.locator('form:has([name=SAMLRequest]), form:has([name=SAMLResponse])');
  for (let sent = 0; sent < 3; sent++) {
    const isThere = await message.first().waitFor({ state: 'attached', timeout: 4000 }).then(() => true, () => false);
    if (!isThere) return;
    await Promise.all([page.waitForEvent('framenavigated'), message.locator('[type=submit]:visible').click()]);
  }
}
