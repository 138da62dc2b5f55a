// Starts programs for a test and ends exactly those: by their process id, and in any case when the test run ends.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const running = new Set();
process.on('exit', () => running.forEach((child) => signal(child, 'SIGKILL')));
for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => process.exit(1));

/**
 * Runs a program until `stop()`. Resolves when `ready` holds: a pattern that its output must match (the match is
 * returned as `matched`), or a URL that must answer with 200.
 */
export async function startProgram(command, args, { env = {}, cwd, ready, seconds = 30 }) {
  const stdio = ['ignore', 'pipe', 'pipe'];
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio, detached: true });
  running.add(child);
  const program = { command, child, output: '', stop: () => stop(child) };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (program.output += text));
  }
  child.once('error', (error) => (program.failure = error.message));
  child.once('exit', (code, signal) => {
    running.delete(child);
    program.failure ??= `it ended with ${signal ?? `code ${code}`}`;
  });
  const end = Date.now() + seconds * 1000;
  while (!(program.matched = await isReady(ready, program.output))) {
    if (!program.failure && Date.now() > end) program.failure = `it was not ready after ${seconds} s`;
    if (program.failure) {
      await stop(child);
      throw new Error(`${command}: ${program.failure}\n${program.output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return program;
}

async function isReady(ready, output) {
  if (ready instanceof RegExp) return output.match(ready);
  const answer = await fetch(ready).catch(() => null);
  await answer?.body?.cancel();
  return answer?.status === 200;
}

async function stop(child) {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  signal(child, 'SIGTERM');
  const timer = setTimeout(() => signal(child, 'SIGKILL'), 10_000);
  await ended;
  clearTimeout(timer);
}

/** To the whole process group, since a start script is not the program that it starts. */
function signal(child, name) {
  try {
    process.kill(-child.pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** Runs a program to its end and returns what it wrote to stdout; throws with stderr if it failed. */
export function run(command, args, { env = {}, input = '', cwd } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env } });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`${command} ${args.join(' ')}: code ${code}\n${stderr || stdout}`));
    });
    child.stdin.on('error', () => {}).end(input); // a program that reads no input closes the pipe
  });
}

/** A port on 127.0.0.1 that was free a moment ago. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** A folder of its own for one program, and what removes it. */
export async function temporaryFolder(name) {
  const folder = await mkdtemp(join(tmpdir(), `doorward-${name}-`));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** A signing key and its certificate for an identity provider, made anew for each run. */
export async function makeKeyPair(folder, name) {
  const key = join(folder, `${name}.key`);
  const certificate = join(folder, `${name}.crt`);
  const subject = ['-subj', `/CN=${name}`, '-days', '3650'];
  await run('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-sha256', ...subject, '-keyout', key, '-out', certificate]);
  return { key, certificate };
}
