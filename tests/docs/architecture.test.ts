import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../architecture/sources.js'

const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8')

/** The stories of the page: their steps, each with its file, the name of what happens there, and its words. */
const [, told = ''] = /^## Six stories.*?\n([\s\S]*?)^## /m.exec(page) ?? []
const stories = [...told.matchAll(/^### (.+)\n([\s\S]*?)(?=^### |(?![\s\S]))/gm)].map(
  ([, title = '', text = '']) => ({
    title,
    steps: [...text.matchAll(/^\d+\. `([^`]+)` `([^`]+)`([\s\S]*?)(?=^\d+\. |(?![\s\S]))/gm)].map(
      ([, file = '', name = '', words = '']) => ({ file, name, words }),
    ),
  }),
)

test('there are six stories, each of at most twenty steps', () => {
  expect(stories.map(({ title }) => title)).toEqual([
    'A handshake, on a server',
    'A request, on a server',
    'A call to a program behind `expose`',
    'A call under a policy',
    'A renewal',
    'A question',
  ])
  for (const { title, steps } of stories) {
    expect(steps.length, title).toBeGreaterThan(8)
    expect(steps.length, title).toBeLessThanOrEqual(20)
  }
})

test.each(stories)('$title: each step names a file, and what is in it', ({ steps }) => {
  for (const { file, name } of steps) {
    const path = join(root, 'src', file)
    expect(existsSync(path), file).toBe(true)
    expect(readFileSync(path, 'utf8'), `${file} ${name}`).toMatch(new RegExp(`(^|[^\\w])${name}\\b`))
  }
})

test.each(stories)('$title: comes back to a file only where it says why', ({ steps }) => {
  for (const [at, { file, words }] of steps.entries()) {
    const isBack = steps.slice(0, at).some((step) => step.file === file)
    expect(/^, back (with|for|to) /.test(words), `${file}${words}`).toBe(isBack)
  }
})

test('CONTRIBUTING names a file that is there for each of the eleven changes', () => {
  const contributing = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8')
  const [, table = ''] = /^## Where a change goes\n([\s\S]*?)^## /m.exec(contributing) ?? []
  const rows = [...table.matchAll(/^\| (?:an?|another) .+$/gm)].map(([row]) => row)
  expect(rows).toHaveLength(11)
  for (const row of rows) {
    const paths = [...row.matchAll(/`((?:src|tests)\/[^`]+)`/g)].map(([, path = '']) => path)
    expect(paths.length, row).toBeGreaterThan(0)
    for (const path of paths.filter((path) => !path.includes('NAME')))
      expect(existsSync(join(root, path)), path).toBe(true)
  }
})
