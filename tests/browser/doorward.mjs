// The real binary in a folder of its own, and the ways to speak to it that are not a browser: command line and API.
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { join } from 'node:path';
import { run, startProgram, temporaryFolder } from '../peers/process.mjs';

const root = join(import.meta.dirname, '../..');
const binary = process.env.DOORWARD_BINARY ?? join(root, process.env.CARGO_TARGET_DIR ?? 'target', 'debug/doorward');

export const ADMIN = { email: 'ada@example.test', name: 'Ada Example', password: 'correct horse battery staple' };

/** Starts `doorward serve` on a free port. `env` may hold more DOORWARD_… keys. */
export async function startDoorward({ env = {} } = {}) {
  const { folder, remove } = await temporaryFolder('data');
  const environment = { DOORWARD_DATA_DIR: folder, ...env };
  const program = await startProgram(binary, ['serve', '--listen', '127.0.0.1:0'], {
    env: environment,
    ready: /^listening on http:\/\/\S+:(\d+)$/m,
  });
  const url = `http://localhost:${program.matched[1]}`;
  let apiKey;

  const doorward = {
    url,
    folder,
    log: () => program.output,

    /** The first match in the log, waited for. */
    async said(pattern) {
      for (let tries = 0; tries < 100; tries++) {
        const found = program.output.match(pattern);
        if (found) return found[0];
        await setTimeout(50);
      }
      throw new Error(`the log never said ${pattern}: ${program.output}`);
    },

    /** Runs another command of the binary beside the server. */
    cli: (args, input) => run(binary, args, { env: environment, input }),

    async createAdmin({ email, name, password } = ADMIN) {
      await doorward.cli(['admin', 'create', '--email', email, '--name', name, '--password-stdin'], `${password}\n`);
      return { email, name, password };
    },

    /** One call of the management API. Answers the body; anything but success throws. */
    async api(method, path, body) {
      apiKey ??= (await doorward.cli(['api-key', 'create', '--name', 'tests', '--role', 'owner'])).trim();
      const answer = await fetch(`${url}/api/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
        body: body && JSON.stringify(body),
      });
      const text = await answer.text();
      assert.ok(answer.ok, `${method} ${path} answered ${answer.status} ${text}`);
      return text && JSON.parse(text);
    },

    async stop() {
      await program.stop();
      await remove();
    },
  };
  return doorward;
}

/** Starts `doorward demo`: its gateway, its provider, and the password of its admin. */
export async function startDemo() {
  const program = await startProgram(binary, ['demo', '--listen', '127.0.0.1:0'], { ready: /metadata link (http:\S+)\/metadata/ });
  const [, port] = program.output.match(/^listening on http:\/\/\S+:(\d+)$/m);
  const [, email, password] = program.output.match(/(\S+@\S+), password (\S+)/);
  return { url: `http://localhost:${port}`, provider: program.matched[1], admin: { email, password }, stop: program.stop };
}

/** Runs `scenario` with a started Doorward and ends it; what failed carries the end of its log. */
export async function withDoorward(options, scenario) {
  const doorward = await startDoorward(options);
  try {
    await scenario(doorward);
  } catch (error) {
    error.stack += `\nlog of Doorward:\n${doorward.log().slice(-3000)}`;
    throw error;
  } finally {
    await doorward.stop();
  }
}

/** Signs in with a password. Ends on the page that follows. */
export async function signIn(page, doorward, { email, password } = ADMIN) {
  await page.goto(`${doorward.url}/sign-in/password`);
  await page.fill('[name=email]', email);
  await page.fill('[name=password]', password);
  await page.press('[name=password]', 'Enter');
  await page.waitForURL((url) => !url.pathname.startsWith('/sign-in'));
}

/** Who Doorward says is signed in in this page's browser; null if nobody is. */
export async function whoIs(page, doorward) {
  const answer = await page.request.get(`${doorward.url}/api/v1/me`);
  return answer.status() === 401 ? null : answer.json();
}
