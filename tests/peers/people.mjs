// Who can sign in at the identity providers; PHP and Python read the same file.
import { readFileSync } from 'node:fs';

export const people = JSON.parse(readFileSync(new URL('people.json', import.meta.url), 'utf8'));
