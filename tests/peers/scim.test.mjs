// Programs of others that speak SCIM, against a directory that is enabled: what they find fault with fails here, but for
// the deviations below.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { withDoorward } from '../browser/doorward.mjs';
import { isWanted } from './peers.mjs';
import { run } from './process.mjs';

const bin = join(import.meta.dirname, '../../.tools/python/bin');
const script = join(import.meta.dirname, 'scim.py');

/** What scim-sanity calls a failure and we mean. */
const DEVIATIONS = {
  // RFC 7644 3.5.2 leaves the choice; a group's members are too many to send back unasked.
  'PATCH /Groups/{id}': 'Expected HTTP 200, got 204 (RFC 7644 §3.3); Response body is empty',
  'PATCH /Groups/{id} remove members': 'Expected 200, got 204',
  // It adds an id that nobody has; a member who is nobody would be lost without a word.
  'PATCH /Groups/{id} add member': 'Expected 200, got 400',
};

/** Runs `scenario` with an enabled directory that no connection belongs to. */
function withDirectory(scenario) {
  return withDoorward({}, async (doorward) => {
    await doorward.createAdmin();
    const made = await doorward.api('POST', '/directories', { name: 'Acme', provider: 'custom' });
    await doorward.api('POST', `/directories/${made.id}/enable`, {});
    const url = `${doorward.url}/scim/v2/${made.id}`;
    const env = { SCIM_URL: url, SCIM_TOKEN: made.token };
    const python = async (what) => JSON.parse(await run(join(bin, 'python'), ['-W', 'ignore', script, what], { env }));
    await scenario({ doorward, url, token: made.token, python });
  });
}

if (isWanted('scim2-tester')) {
  test('scim2-tester finds nothing wrong', (t) =>
    withDirectory(async ({ python }) => {
      const { checks, bad } = await python('check');
      assert.deepEqual(bad, []);
      assert.ok(checks >= 133, `only ${checks} checks ran`);
      t.diagnostic(`${checks} checks of scim2-tester pass`);
    }));
}

if (isWanted('scim2-client')) {
  test('scim2-client pushes people and groups, who become members', () =>
    withDirectory(async ({ doorward, python }) => {
      const seen = await python('push');
      assert.deepEqual(seen, { name: 'Grace Example', found: [['jonas@acme.example', false]], members: [true] });
      const jonas = (await doorward.api('GET', '/members?email=jonas@acme.example')).data;
      assert.deepEqual(jonas.map(({ status, source }) => [status, source]), [['inactive', 'scim']]);
      assert.deepEqual((await doorward.api('GET', '/members?email=grace@acme.example')).data, []);
    }));
}

if (isWanted('scim-sanity')) {
  test('scim-sanity finds nothing wrong but what is meant', (t) =>
    withDirectory(async ({ url, token }) => {
      // It ends with 1 where anything failed.
      const args = ['probe', url, '--token', token, '--i-accept-side-effects', '--json-output'];
      const report = JSON.parse(await run('sh', ['-c', '"$0" "$@" || true', join(bin, 'scim-sanity'), ...args]));
      const failed = report.results.filter(({ status }) => !['pass', 'skip'].includes(status));
      assert.deepEqual(Object.fromEntries(failed.map(({ name, message }) => [name, message])), DEVIATIONS);
      const { passed, skipped } = report.summary;
      assert.ok(passed >= 25, `only ${passed} checks passed`);
      t.diagnostic(`${passed} checks of scim-sanity pass, ${failed.length} deviate as meant, ${skipped} skipped`);
    }));
}
