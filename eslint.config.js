import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist/', 'data/', 'node_modules/', 'coverage/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // Typed arrays are read inside bounds that the loop states; `data[i]!` says so without a branch on the hot path.
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    files: ['models/**/*.ts'],
    rules: {
      // models/ is pure: time and randomness are arguments (docs/decisions/0001-pure-stages.md).
      'no-restricted-globals': [
        'error',
        { name: 'setTimeout', message: 'models/ knows no clock' },
        { name: 'setInterval', message: 'models/ knows no clock' },
        { name: 'fetch', message: 'models/ knows no network' },
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'pass a seed' },
        { object: 'Date', property: 'now', message: 'pass the time as an argument' },
        { object: 'performance', property: 'now', message: 'pass the time as an argument' },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'pass the time as an argument' },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': ['error', { allowForKnownSafeCalls: ['describe', 'it'] }],
    },
  },
  {
    files: ['**/*.js', '**/*.cjs'],
    languageOptions: {
      globals: Object.fromEntries(
        [
          ...[
            'process',
            'console',
            'URL',
            'URLSearchParams',
            'module',
            'require',
            'fetch',
            'TextDecoder',
            'AbortController',
            'performance',
            'crypto',
            'Blob',
            'Response',
            'AbortSignal',
            'CompressionStream',
          ],
          ...['document', 'window', 'location', 'sessionStorage', 'localStorage', 'setTimeout', 'clearTimeout'],
          ...[
            'setInterval',
            'clearInterval',
            'requestAnimationFrame',
            'uPlot',
            'matchMedia',
            'ResizeObserver',
            'history',
          ],
        ].map((name) => [name, 'readonly']),
      ),
    },
  },
  prettier,
);
