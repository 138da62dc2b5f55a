// The demo as a newcomer clicks through it: the pages of its provider, and what its directory's buttons do to somebody who is
// signed in.
import { after, before, test } from 'node:test';
import { startDemo, signIn } from './doorward.mjs';
import { examine, expectSilentConsole, launchBrowser, visit, ways } from './harness.mjs';

let browser, demo;
before(async () => {
  browser = await launchBrowser();
  demo = await startDemo();
});
after(async () => {
  await demo?.stop();
  await browser.close();
});

/** Presses the button of a form of the provider's directory, for the last one that can be chosen. */
async function press(page, change, told) {
  const form = page.locator(`form[action="/directory/${change}"]`);
  const choice = form.locator('select');
  if (await choice.count()) await choice.selectOption({ index: (await choice.locator('option').count()) - 1 });
  await form.getByRole('button').click();
  await page.getByRole('status').getByText(told).waitFor();
}

for (const way of ways) {
  test(`the demo's provider at ${way.width} px, ${way.theme}, ${way.javaScript ? 'with' : 'without'} JavaScript`, async () => {
    const page = await browser.newPage({ baseURL: demo.provider, ...way });
    await visit(page, '/');
    await page.getByRole('link', { name: 'Open the directory' }).click();
    await examine(page, 'demo-directory');
    await press(page, 'joiner', / joined /);
    await examine(page, 'demo-joiner');
    await press(page, 'mover', / moved from /);
    await examine(page, 'demo-mover');
    await press(page, 'rename', / is called .* now/);
    await press(page, 'leaver', / left/);
    await press(page, 'rename-group', 'The group Leads');
    await press(page, 'everybody', /Pushed \d+ people and 3 groups/);
    await examine(page, 'demo-everybody');
    await page.fill('[name=base_url]', 'http://127.0.0.1:9/scim/v2/dir_x');
    await page.fill('[name=token]', 'dwscim_x');
    await page.getByRole('button', { name: 'Test and use' }).click();
    await page.getByText('Copy it from a directory of this demo').first().waitFor();
    await examine(page, 'demo-application-wrong');
    const start = await browser.newPage({ baseURL: demo.provider, ...way });
    await start.goto(`${demo.url}/sign-in`);
    await start.getByRole('link', { name: 'Sign in with SSO' }).click();
    await start.getByRole('heading', { name: 'Who signs in?' }).waitFor();
    await examine(start, 'demo-pick');
  });
}

/** From the gateway's sign-in page to the provider, as this person, and back. */
async function signInAs(page, name) {
  await page.goto(`${demo.url}/sign-in`);
  await page.getByRole('link', { name: 'Sign in with SSO' }).click();
  await page.locator('.pick', { hasText: name }).first().click();
  if (!page.javaScript) await page.getByRole('button', { name: /^Continue/ }).click();
  await page.waitForURL((url) => url.origin === demo.url);
}

for (const javaScript of [true, false]) {
  test(`somebody joins, signs in and leaves, ${javaScript ? 'with' : 'without'} JavaScript`, async () => {
    const provider = await browser.newPage({ baseURL: demo.provider, javaScript });
    await provider.goto('/directory');
    await press(provider, 'joiner', / joined /);
    const name = (await provider.getByRole('status').getByRole('heading').innerText()).split(' joined ')[0];
    const person = await browser.newPage({ baseURL: demo.url, javaScript });
    await signInAs(person, name);
    await person.goto('/account');
    await person.getByText(name).first().waitFor();

    await press(provider, 'leaver', `${name} left`);
    await person.goto('/account');
    await person.waitForURL((url) => url.pathname.startsWith('/sign-in'));
    await signInAs(person, name);
    await person.getByText('This account is deactivated').first().waitFor();

    const admin = await browser.newPage({ baseURL: demo.url, javaScript });
    await signIn(admin, demo, demo.admin);
    await provider.getByRole('link', { name: 'Its request log' }).click();
    const log = new URL(await provider.url());
    await admin.goto(log.searchParams.get('return_to') ?? log.pathname);
    await admin.getByRole('heading', { name: 'Requests' }).waitFor();
    await admin.getByText('PATCH').first().waitFor();
    expectSilentConsole(provider);
    expectSilentConsole(admin);
  });
}
