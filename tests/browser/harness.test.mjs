// The checks of harness.mjs find what they are for: each planted fault is named, and a page without one passes.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { expectAccessible, expectNoOverflow, expectSilentConsole, expectValidHtml, launchBrowser } from './harness.mjs';

const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'";

const body = (main) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Page</title></head><body><main><h1>Page</h1>${main}</main></body></html>`;

const pages = {
  '/good': body('<form><label for="email">Work email</label> <input id="email" name="email" type="email"><button type="submit">Continue</button></form>'),
  '/no-label': body('<form><input name="email"></form>'),
  '/wide': body(`<p>${'w'.repeat(900)}</p>`),
  '/inline-script': body('<script>document.title = "x"</script>'),
  '/missing-image': body('<img src="/missing.png" alt="">'),
  '/unclosed': body('<p><div>text</div></p>'),
};

let browser, server, baseURL;
before(async () => {
  browser = await launchBrowser();
  server = createServer((request, answer) => {
    const page = pages[request.url];
    const status = page ? 200 : request.url === '/favicon.ico' ? 204 : 404;
    answer.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': CSP });
    answer.end(page ?? body(''));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  baseURL = `http://127.0.0.1:${server.address().port}`;
});
after(async () => {
  await browser.close();
  server.close();
});

async function open(path, options = {}) {
  const page = await browser.newPage({ baseURL, ...options });
  await page.goto(path);
  return page;
}

for (const javaScript of [true, false]) {
  test(`a page without fault passes ${javaScript ? 'with' : 'without'} JavaScript`, async () => {
    const page = await open('/good', { javaScript, theme: 'dark', width: 390 });
    await expectNoOverflow(page);
    expectSilentConsole(page);
    await expectValidHtml(pages['/good'], '/good');
    await expectAccessible(page);
  });

  test(`a field without a label is found ${javaScript ? 'with' : 'without'} JavaScript`, async () => {
    const page = await open('/no-label', { javaScript });
    await assert.rejects(expectAccessible(page), /label: Form elements must have labels/);
  });
}

test('text that is wider than the window is found', async () => {
  const page = await open('/wide', { width: 390 });
  await assert.rejects(expectNoOverflow(page), /px too wide: main, p/);
});

test('a script that the policy stops is found', async () => {
  const page = await open('/inline-script');
  assert.throws(() => expectSilentConsole(page), /Content Security Policy/);
});

test('a picture that is not there is found', async () => {
  const page = await open('/missing-image');
  await page.waitForLoadState('networkidle');
  assert.throws(() => expectSilentConsole(page), /404/);
});

test('a page that answers 404 may do so', async () => {
  const page = await open('/nowhere');
  expectSilentConsole(page);
});

test('HTML that the browser had to mend is found', async () => {
  await assert.rejects(expectValidHtml(pages['/unclosed'], '/unclosed'), /html-validate|element-permitted|close-order|no-implicit-close/);
});
