import assert from 'node:assert/strict';
import { AuditLog, type AuditEntry } from '../../../../services/security/audit-log.js';
import { MemoryJournal } from '../../../support/memory-journal.js';

describe('AuditLog', () => {
  const entry = (tenant: string, n: number): AuditEntry => ({
    atMs: n,
    tenant,
    by: 'ada',
    role: 'admin',
    from: '127.0.0.1',
    action: 'POST /v1/keys',
    target: {},
    request: String(n),
  });
  const audit = (journal: MemoryJournal) =>
    new AuditLog(journal, 400, (error) => {
      throw error;
    });

  it('has the entries of a tenant page by page, newest first, among many of others', async () => {
    const log = audit(new MemoryJournal());
    for (let n = 1; n <= 1_300; n++) await log.append(entry(n % 100 === 0 ? 'acme' : 'default', n));
    const pages: string[][] = [];
    let before: number | undefined;
    do {
      const { entries, next } = await log.page('acme', 5, before);
      pages.push(entries.map(({ request }) => request));
      before = next === undefined ? undefined : Number(next);
    } while (before !== undefined);
    const all = Array.from({ length: 13 }, (_, i) => String(1_300 - 100 * i));
    assert.deepEqual(pages.flat(), all);
    assert.equal(pages[0]!.length, 5);
  });

  it('says when the log does not answer, in the place of waiting for ever', async () => {
    const journal = new MemoryJournal();
    const log = audit(journal);
    await log.append(entry('default', 1));
    journal.read = () => ({ next: () => Promise.resolve([]), close: () => undefined });
    await assert.rejects(log.page('default', 10), { type: 'STORAGE_FAILED' });
  });

  it('is empty at first', async () => {
    assert.deepEqual(await audit(new MemoryJournal()).page('default', 10), { entries: [], next: undefined });
  });
});
