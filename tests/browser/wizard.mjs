// The steps of the SAML wizard, as an admin takes them, each ending where the next begins; and a sign-in through what
// came of it.
import assert from 'node:assert/strict';
import { people } from '../peers/people.mjs';

/** From Security & Access to an active connection; returns its id. `page` is a signed-in admin's. */
export async function setUpConnection(page, peer, doorward) {
  const connection = await beginDraft(page, peer.connector);
  await giveValuesToTheProvider(page, peer, doorward, connection);
  await giveMetadata(page, peer);
  await step(page, 'attributes');
  await page.getByRole('button', { name: 'Save and continue' }).click();
  await passTheTest(page, peer, doorward);
  await turnOn(page, connection);
  return connection;
}

/** Chooses a provider; returns the id of the draft that this makes. */
export async function beginDraft(page, connector) {
  await page.goto('/admin/security');
  await page.getByRole('link', { name: /^(Set up SSO|Add connection)$/ }).click();
  await page.fill('#q', 'google');
  await page.press('#q', 'Enter');
  await page.waitForURL(/[?&]q=google/);
  assert.equal(await page.locator('button.pick:visible').count(), 1, 'one provider is left');
  await page.getByRole('link', { name: 'Show all providers' }).click();
  await page.click(`.pick[value=${connector}]`);
  await step(page, 'app');
  return page.url().match(/\/sso\/(con_[0-9a-z]{26})\/setup\/app$/)[1];
}

async function step(page, name) {
  await page.waitForURL((url) => url.pathname.endsWith(`/setup/${name}`));
}

async function giveValuesToTheProvider(page, peer, doorward, connection) {
  const text = (await page.innerText('main')).replace(/[\s\u200b]/g, '');
  for (const value of [`${doorward.url}/saml/${connection}`, `${doorward.url}/saml/${connection}/acs`]) {
    assert.ok(text.includes(value), `${value} can be copied`);
  }
  const metadata = await fetch(`${doorward.url}/saml/${connection}/metadata`);
  await peer.register(await metadata.text());
  await page.getByRole('button', { name: 'Continue to metadata' }).click();
  await step(page, 'metadata');
}

async function giveMetadata(page, peer) {
  const html = '<!doctype html><title>Sign in</title>';
  await page.fill('#metadata', html);
  await page.getByRole('button', { name: 'Read it' }).click();
  await page.locator('#metadata-error').waitFor();
  assert.match(await page.innerText('#metadata-error'), /not SAML metadata/);
  assert.equal((await page.inputValue('#metadata')).trim(), html, 'what was typed is kept');

  await page.fill('#metadata', peer.metadataUrl);
  await page.getByRole('button', { name: 'Read it' }).click();
  await page.getByRole('heading', { name: 'What we read' }).waitFor();
  await page.getByRole('button', { name: 'Save and continue' }).click();
}

async function passTheTest(page, peer, doorward) {
  await step(page, 'test');
  await page.getByRole('button', { name: 'Test SSO' }).click();
  await page.waitForURL((url) => url.host === peer.host);
  await peer.signIn(page, 'alice');
  await sendResponse(page);
  await page.waitForURL((url) => url.origin === doorward.url && url.pathname.startsWith('/admin/'));
  const trace = (await page.innerText('main')).replace(/\u200b/g, '');
  assert.ok(trace.includes(people.alice.mail) && trace.includes(people.alice.givenName), trace);
  if (!page.url().endsWith('/setup/test')) await page.goto(page.url().replace(/\/tests\/.*/, '/setup/test'));
  await page.getByRole('link', { name: /continue/i }).click();
}

async function turnOn(page, connection) {
  await step(page, 'on');
  await page.getByRole('button', { name: /^Turn on/ }).click();
  await page.waitForURL((url) => url.pathname === `/admin/security/sso/${connection}`);
  await page.getByText('Active', { exact: true }).first().waitFor();
}

/** Links the account that the provider's own session names to whoever is signed in, who signed in moments ago. */
export async function linkOneself(page, doorward) {
  await page.goto('/account/sign-in-methods');
  await page.getByRole('button', { name: /^Link/ }).click();
  await sendResponse(page);
  await page.waitForURL((url) => url.origin === doorward.url && url.pathname.includes('/confirm/'));
  await page.getByRole('button', { name: /^Link/ }).click();
  await page.getByText('The sign-in is linked to your account.').waitFor();
}

/** From the sign-in page through the only connection to the account of `person`. */
export async function signInThrough(page, peer, doorward, person) {
  await page.goto('/sign-in');
  await page.getByRole('link', { name: 'Sign in with SSO' }).click();
  await page.waitForURL((url) => url.host === peer.host);
  await peer.signIn(page, person);
  await sendResponse(page);
  await page.waitForURL(`${doorward.url}/account`);
}

/** Without JavaScript the identity provider's answer waits for its button to be pressed. */
export async function sendResponse(page) {
  if (page.javaScript) return;
  // Its style sheet hides one of the two buttons; until it is there, both are visible.
  await page.locator('form:has([name=SAMLResponse])').waitFor({ state: 'attached' });
  await page.waitForLoadState();
  await page.click('form:has([name=SAMLResponse]) [type=submit]:visible');
}
