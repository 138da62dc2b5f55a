// Debian's Chromium through playwright-core, and what every page has to stand up to.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { HtmlValidate, StaticConfigLoader } from 'html-validate';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const AXE_RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

const htmlValidate = new HtmlValidate(
  new StaticConfigLoader({
    extends: ['html-validate:recommended'],
    rules: {
      'no-inline-style': 'error',
      // What follows is valid HTML that the recommended rules would rather not see.
      'long-title': 'off',
      'no-implicit-input-type': 'off',
      'form-dup-name': 'off', // a list: ticked boxes, the rows of a table of mappings
      'aria-label-misuse': ['error', { allowAnyNamable: true }],
      'doctype-style': ['error', { style: 'lowercase' }],
      'prefer-native-element': ['error', { exclude: ['region'] }], // a box that scrolls: <pre role="region" tabindex="0">
    },
  }),
);

const HEIGHTS = { 1280: 900, 390: 844, 320: 700 };

/** A browser with a profile of its own, thrown away at `close()`. */
export async function launchBrowser() {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
    ],
  });
  return { newPage: (options) => newPage(browser, options), close: () => browser.close() };
}

/**
 * A page in a context of its own: no cookies are shared. `page.complaints` collects what the console said, about other
 * sites than `baseURL` only if there is none.
 */
async function newPage(browser, { baseURL, javaScript = true, theme = 'light', width = 1280 } = {}) {
  const context = await browser.newContext({
    baseURL,
    colorScheme: theme,
    reducedMotion: 'reduce',
    viewport: { width, height: HEIGHTS[width] ?? 900 },
  });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  page.javaScript = javaScript;
  page.devtools = await context.newCDPSession(page);
  if (!javaScript) await setJavaScript(page, false);
  page.complaints = [];
  const documents = new Set();
  page.on('request', (request) => request.isNavigationRequest() && documents.add(request.url()));
  page.on('console', (message) => {
    const { url } = message.location();
    if (!['error', 'warning'].includes(message.type()) || !url.startsWith(baseURL ?? '')) return;
    // Chromium also complains about a document that answers 404 or 422; a refusal is no fault of the page.
    if (message.text().startsWith('Failed to load resource') && documents.has(url)) return;
    page.complaints.push(`${message.text()} (${url})`);
  });
  page.on('pageerror', (error) => page.complaints.push(error.message));
  page.on('requestfailed', (request) => {
    const reason = request.failure()?.errorText;
    const isOurs = request.url().startsWith(baseURL ?? '');
    if (isOurs && reason !== 'net::ERR_ABORTED') page.complaints.push(`${request.url()}: ${reason}`);
  });
  return page;
}

/**
 * WCAG 2.2 AA and axe's best practices. Evaluated over the debugging protocol, which a page's CSP does not bind. axe
 * needs timers, so JavaScript comes back while it runs; the page's own scripts have been passed over by then.
 */
export async function expectAccessible(page) {
  if (!page.javaScript) await setJavaScript(page, true);
  await page.evaluate(`${axe};0`);
  const { violations } = await page.evaluate((runOnly) => axe.run(document, { runOnly }), AXE_RULES);
  if (!page.javaScript) await setJavaScript(page, false);
  const found = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.target).join(', ')}`);
  assert.deepEqual(found, [], `axe on ${page.url()}`);
}

// Not by Playwright's `javaScriptEnabled`: what it switches off cannot be switched on for axe.
const setJavaScript = (page, on) => page.devtools.send('Emulation.setScriptExecutionDisabled', { value: !on });

/** Nothing is wider than the window, save what scrolls inside a box of its own. */
export async function expectNoOverflow(page) {
  const { excess, wide } = await page.evaluate(() => ({
    excess: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    wide: [...document.querySelectorAll('body *')]
      .filter((element) => Math.max(element.getBoundingClientRect().right, element.scrollWidth) > innerWidth + 1)
      .map((element) => [element.tagName.toLowerCase(), ...element.classList].join('.')),
  }));
  assert.ok(excess <= 0, `${page.url()} is ${excess} px too wide: ${wide.slice(-4).join(', ')}`);
}

/** No error, warning, failed request or CSP violation since the page was opened. */
export function expectSilentConsole(page) {
  assert.deepEqual(page.complaints, [], `console on ${page.url()}`);
}

/** The HTML as the server sent it, not as the browser mended it. */
export async function expectValidHtml(html, name) {
  const { results } = await htmlValidate.validateString(html);
  const found = results.flatMap(({ messages }) => messages.map((m) => `${m.line}:${m.column} ${m.ruleId}: ${m.message}`));
  assert.deepEqual(found, [], `HTML of ${name}`);
}

/** Writes a picture of the whole page into the folder that SHOTS names; without it does nothing. */
export async function screenshot(page, name) {
  if (!process.env.SHOTS) return;
  mkdirSync(process.env.SHOTS, { recursive: true });
  await page.evaluate(() => document.fonts.ready.then(() => null));
  await page.screenshot({ path: join(process.env.SHOTS, `${name}.png`), fullPage: true });
}

/** How a page has to look and work: every width and theme, and without JavaScript. */
export const ways = [1280, 390].flatMap((width) => [
  { width, theme: 'light', javaScript: true },
  { width, theme: 'dark', javaScript: true },
  { width, theme: 'light', javaScript: false },
]);

/** Opens a page of ours and examines it. */
export async function visit(page, path, status = 200) {
  page.complaints.length = 0;
  const answer = await page.goto(path);
  assert.equal(answer.status(), status, path);
  await expectValidHtml(await answer.text(), path);
  await examine(page, new URL(path, page.url()).pathname);
}

/** What every page has to stand up to, as it is now; `name` is that of its picture. */
export async function examine(page, name) {
  await expectNoOverflow(page);
  expectSilentConsole(page);
  const { width } = page.viewportSize();
  const theme = await page.evaluate(() => (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'));
  const file = name.replace(/_[0-9a-z]{26}/g, '').replace(/\W+/g, '-').replace(/^-/, '') || 'home';
  if (page.javaScript) await screenshot(page, `${file}-${width}-${theme}`);
  await expectAccessible(page);
}
