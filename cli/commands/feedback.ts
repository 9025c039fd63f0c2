import type { Command } from 'commander';
import type { Terminal } from '../terminal/terminal.js';
import { addVerdict } from './alerts.js';

export function addFeedbackCommand(program: Command, terminal: Terminal): void {
  addVerdict(program, terminal);
}
