// Doorward and a real identity provider: a connection set up in the console, people who sign in, and the refusals that
// a real identity provider can cause. One Doorward and one connection for each provider.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { signIn, withDoorward } from '../browser/doorward.mjs';
import { launchBrowser } from '../browser/harness.mjs';
import { sendResponse, setUpConnection, signInThrough } from '../browser/wizard.mjs';
import { people } from './people.mjs';
import { peerNames, withPeer } from './peers.mjs';

const OTHER = 'https://other.example/saml';

let browser;
before(async () => (browser = await launchBrowser()));
after(() => browser.close());

/** What each provider can show. pysaml2 encrypts with Triple DES alone; the others sign as they are told to. */
const scenarios = {
  simplesamlphp: [
    ['its key rolls over while people sign in, and nobody is refused', rollOver],
    ['our key rolls over while people sign in, and nobody is refused', (world) => rollOverOurs(world)],
    ['an encrypted assertion is read', encrypted],
    ['a sign-in that begins at the provider is refused', unsolicited],
  ],
  keycloak: [
    ['its key rolls over while people sign in, and nobody is refused', rollOver],
    ['our key rolls over while people sign in, and nobody is refused', (world) => rollOverOurs(world, { verify: false })],
    ['an encrypted assertion is read', encrypted],
  ],
  pysaml2: [
    ['our key rolls over while people sign in, and nobody is refused', (world) => rollOverOurs(world, { encrypt: false })],
    ['the assertion signed alone is enough', (world) => steered(world, { sign: 'assertion' })],
    ['the response signed alone is enough', (world) => steered(world, { sign: 'response' })],
    ['an unsigned response is refused', (world) => steered(world, { sign: 'nothing' }, 'saml_signature_missing')],
    ['Triple DES is refused', (world) => steered(world, { encrypt: true }, 'saml_encrypted')],
    ['another audience is refused', (world) => steered(world, { audience: OTHER }, 'saml_audience')],
  ],
};

for (const name of peerNames) {
  test(`sign-in through ${name}`, (t) =>
    withPeer(name, (peer) =>
      withDoorward({ env: { DOORWARD_OUTBOUND_ALLOW: peer.host } }, async (doorward) => {
        await doorward.createAdmin();
        const admin = await browser.newPage({ baseURL: doorward.url });
        await signIn(admin, doorward);
        const world = { peer, doorward, admin, connection: await setUpConnection(admin, peer, doorward) };
        await t.test('a person signs in with JavaScript', () => succeeds(world));
        await t.test('a person signs in without JavaScript', () => succeeds(world, { javaScript: false }));
        for (const [sentence, scenario] of scenarios[name]) await t.test(sentence, () => scenario(world));
      }),
    ));
}

const newPage = ({ doorward }, options) => browser.newPage({ baseURL: doorward.url, ...options });

async function succeeds(world, options) {
  const page = await newPage(world, options);
  await signInThrough(page, world.peer, world.doorward, 'bob');
  const account = await page.innerText('main');
  assert.ok(account.includes(people.bob.mail) && account.includes(people.bob.displayName), account);
}

/** People sign in one after another while `steps` go on; `more(n)` waits for n further ones. Nobody may be refused. */
async function whilePeopleSignIn(world, steps) {
  const { doorward, connection } = world;
  const refused = async () => (await doorward.api('GET', `/connections/${connection}/sign-ins?result=refused`)).data;
  const before = (await refused()).length;
  let count = 0;
  let over = false;
  let failure;
  const people = (async () => {
    while (!over) {
      const page = await newPage(world);
      await signInThrough(page, world.peer, doorward, 'bob');
      await page.context().close();
      count += 1;
    }
  })().catch((error) => (failure = new Error(`${error.message}\n${world.peer.log().slice(-3000)}`, { cause: error })));
  const more = async (n) => {
    for (const wanted = count + n; count < wanted && !failure; ) await setTimeout(50);
    if (failure) throw failure;
  };
  try {
    await more(1);
    await steps(more);
    await more(2);
  } finally {
    over = true;
    await people;
  }
  if (failure) throw failure;
  assert.equal((await refused()).length, before, 'nobody was refused');
}

async function rollOver(world) {
  const { peer, doorward, connection } = world;
  const path = `/connections/${connection}`;
  const trusted = async () => (await doorward.api('GET', path)).certificates.map((one) => one.sha256);
  const [old] = await trusted();
  await whilePeopleSignIn(world, async (more) => {
    await peer.addKey();
    assert.equal((await doorward.api('POST', `${path}/refresh`, {})).added, 1);
    const next = (await trusted()).find((one) => one !== old);
    assert.equal((await doorward.api('GET', path)).rollover.stage, 'waiting');
    await more(1);

    await peer.switchKey();
    await more(3);
    const { rollover } = await doorward.api('GET', path);
    assert.deepEqual([rollover.stage, rollover.old_sha256, rollover.new_sha256], ['seen', old, next]);

    await peer.dropKey();
    const { change } = await doorward.api('POST', `${path}/refresh`, {});
    assert.deepEqual([change.gone, change.added], [[old], []]);
    const rehearsal = await doorward.api('GET', `${path}/certificates/rehearsal?without=${old}`);
    assert.ok(rehearsal.lost > 0 && rehearsal.since_lost > 0, JSON.stringify(rehearsal));
    await doorward.api('DELETE', `${path}/certificates/${old}`);
    assert.deepEqual(await trusted(), [next]);
  });
}

/** Keycloak keeps one signing certificate of ours, so there our requests are not verified while the keys change. */
async function rollOverOurs(world, { encrypt = true, verify = true } = {}) {
  const { peer, doorward, connection } = world;
  const path = `/connections/${connection}/keys`;
  const register = async () => peer.register(await ourMetadata(world), { encrypt, verify });
  await register();
  await whilePeopleSignIn(world, async (more) => {
    const next = await doorward.api('POST', path, {});
    await register();
    await more(2);
    await doorward.api('POST', `${path}/${next.sha256}/switch`, {});
    // It encrypts to the former one until it reads our metadata again.
    const switched = Date.now();
    await more(2);
    const [, former] = (await doorward.api('GET', path)).data;
    if (encrypt) assert.ok(Date.parse(former.last_opened_at) > switched - 60_000, JSON.stringify(former));
    await register();
    await more(2);
    await doorward.api('DELETE', `${path}/${former.sha256}`);
  });
  await peer.register(await ourMetadata(world));
}

async function encrypted(world) {
  await world.peer.register(await ourMetadata(world), { encrypt: true });
  await succeeds(world);
}

/** pysaml2 answers as `wanted`; Doorward signs bob in, or refuses with `code`. */
async function steered(world, wanted, code) {
  const metadata = await ourMetadata(world);
  await world.peer.register(metadata.replace(entityId(world), OTHER)); // it answers for nobody it does not know
  await world.peer.next({ sign: 'both', encrypt: false, audience: null, ...wanted });
  if (!code) return succeeds(world);
  const page = await newPage(world);
  await page.goto(`/sso/${world.connection}/start`);
  await world.peer.signIn(page, 'bob');
  await isRefused(world, page, code);
}

async function unsolicited(world) {
  const page = await newPage(world);
  await page.goto(world.peer.unsolicitedUrl(entityId(world)));
  await world.peer.signIn(page, 'bob');
  await sendResponse(page);
  await isRefused(world, page, 'saml_idp_initiated');
}

/** The person sees a reference and is not signed in; the admin finds the code under that reference. */
async function isRefused({ doorward, admin, connection }, page, code) {
  await page.waitForURL((url) => url.origin === doorward.url);
  const shown = await page.innerText('main');
  const [reference] = shown.match(/DW-[0-9A-Z]{5}/) ?? assert.fail(`no reference: ${shown}`);
  await page.goto('/account');
  assert.ok(page.url().includes('/sign-in'), 'nobody is signed in');
  await admin.goto(`/admin/security/sso/${connection}/sign-ins/${reference}`);
  assert.ok((await admin.innerText('main')).includes(code), code);
}

const entityId = ({ doorward, connection }) => `${doorward.url}/saml/${connection}`;
const ourMetadata = async (world) => (await fetch(`${entityId(world)}/metadata`)).text();
