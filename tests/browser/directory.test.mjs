// Directory Sync from end to end, as an admin sets it up who has never seen it: from an empty card to a member whom an
// identity provider made, with and without JavaScript.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setUpDirectory } from './directory.mjs';
import { signIn, withDoorward } from './doorward.mjs';
import { expectSilentConsole, launchBrowser } from './harness.mjs';

let browser;
before(async () => (browser = await launchBrowser()));
after(() => browser.close());

for (const javaScript of [true, false]) {
  test(`an admin sets up a directory ${javaScript ? 'with' : 'without'} JavaScript`, () =>
    withDoorward({}, async (doorward) => {
      await doorward.createAdmin();
      const page = await browser.newPage({ baseURL: doorward.url, javaScript });
      await signIn(page, doorward);
      await setUpDirectory(page, doorward);
      expectSilentConsole(page);
      const { data } = await doorward.api('GET', '/members?email=grace%40example.test');
      assert.deepEqual(data.map((member) => [member.source, member.roles[0].role]), [['scim', 'developer']]);
      await page.goto('/admin/security');
      await page.getByText('Needs a look').first().waitFor();
    }));
}
