import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { ask, type Connect, type Planner } from '../../src/coordinator/index.js'
import { MtlsError } from '../../src/errors.js'
import { patience } from '../support/patience.js'
import { type FakeTool, plainServer } from './plain-server.js'

const temperature: FakeTool = {
  name: 'getTemperature',
  answer: ({ city }) => ({ city, temperature: 7, sentence: `It is 7 °C in ${city}.` }),
}
const dateTime: FakeTool = {
  name: 'getDateTime',
  answer: ({ city }) => ({ city, sentence: `It is noon in ${city}.` }),
}
const echo: FakeTool = { name: 'echo', answer: ({ text }) => ({ echo_text: text, sentence: String(text) }) }

const unreachable: Connect = async () => {
  throw new MtlsError('CONNECTION_FAILED', 'nobody listens on https://localhost:1/mcp')
}
const never: Connect = () => new Promise(() => undefined)

describe('ask', () => {
  it('answers from every server that is needed, one sentence for each call', async () => {
    await using weather = await plainServer(temperature)
    await using datetime = await plainServer(dateTime)
    const reply = await ask("What's the weather and the time in Tokyo and in Kathmandu?", {
      servers: { weather: weather.connect, datetime: datetime.connect },
    })
    expect(reply.answer.split('\n')).toEqual([
      'It is 7 °C in Tokyo.',
      'It is 7 °C in Kathmandu.',
      'It is noon in Tokyo.',
      'It is noon in Kathmandu.',
    ])
    expect(reply).toMatchObject({ planner: 'rules', failures: [], notices: [] })
    expect(reply.calls[0]).toMatchObject({
      server: 'weather',
      tool: 'getTemperature',
      arguments: { city: 'Tokyo' },
      purpose: 'the weather in Tokyo',
      outcome: { ok: true, result: { city: 'Tokyo', temperature: 7 } },
      tls: undefined,
    })
  })

  it('connects to each needed server once, and to no other', async () => {
    await using weather = await plainServer(temperature)
    await using datetime = await plainServer(dateTime)
    await ask('weather in Tokyo and Lima', {
      servers: { weather: weather.connect, datetime: datetime.connect },
    })
    expect([weather.connections(), datetime.connections()]).toEqual([1, 0])
  })

  it('makes independent calls at the same time', async () => {
    let waiting = 0
    let both: () => void = () => undefined
    const together = new Promise<void>((resolve) => {
      both = resolve
    })
    const meet = async () => {
      if (++waiting === 2) both()
      await together
      return { sentence: 'met' }
    }
    await using weather = await plainServer({ name: 'getTemperature', answer: meet })
    await using datetime = await plainServer({ name: 'getDateTime', answer: meet })
    const { answer } = await ask('weather and time in Oslo', {
      servers: { weather: weather.connect, datetime: datetime.connect },
    })
    expect(answer).toBe('met\nmet')
  })

  it('answers what it can when a server is unreachable, and says once what it cannot', async () => {
    await using datetime = await plainServer(dateTime)
    const reply = await ask('weather and time in Oslo and Lima', {
      servers: { weather: unreachable, datetime: datetime.connect },
    })
    expect(reply.answer.split('\n')).toEqual([
      'It is noon in Oslo.',
      'It is noon in Lima.',
      expect.stringMatching(/^I could not reach the weather server: nobody listens on .* Check that/),
    ])
    expect(reply.failures).toMatchObject([{ kind: 'unreachable', code: 'CONNECTION_FAILED' }])
    expect(reply.calls.map(({ outcome }) => outcome.ok)).toEqual([false, false, true, true])
  })

  it('keeps what was answered when the time is over', async () => {
    await using datetime = await plainServer(dateTime)
    const reply = await ask('weather and time in Oslo', {
      servers: { weather: never, datetime: datetime.connect },
      timeoutMs: await patience(),
    })
    expect(reply.answer).toMatch(/^It is noon in Oslo\.\nThe weather server did not answer in time/)
    expect(reply.failures).toMatchObject([{ kind: 'timeout', code: 'CONNECTION_TIMEOUT' }])
  })

  it('stops a tool call that takes longer than the time limit', async () => {
    const hang: FakeTool = {
      name: 'getTemperature',
      answer: (_, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    }
    await using weather = await plainServer(hang)
    const reply = await ask('weather in Oslo', {
      servers: { weather: weather.connect },
      timeoutMs: await patience(),
    })
    expect(reply.failures).toMatchObject([{ kind: 'timeout' }])
  })

  it('ends at once when it is interrupted', async () => {
    const controller = new AbortController()
    const asked = ask('weather in Oslo', {
      servers: {
        weather: () => {
          queueMicrotask(() => controller.abort(new Error('interrupted')))
          return never(controller.signal)
        },
      },
      signal: controller.signal,
    })
    await expect(asked).rejects.toThrow('interrupted')
  })

  it('notices a server that lacks the tool', async () => {
    await using weather = await plainServer(echo)
    const reply = await ask('weather in Oslo', { servers: { weather: weather.connect } })
    expect(reply.failures).toMatchObject([
      { kind: 'other', code: 'TOOL_FAILED', message: 'The weather server has no tool getTemperature.' },
    ])
  })

  it('finds the tool on whichever server declares it when no server has the usual name', async () => {
    await using first = await plainServer(echo)
    await using second = await plainServer(temperature)
    const reply = await ask('weather in Oslo', {
      servers: { one: first.connect, two: second.connect, three: unreachable },
    })
    expect(reply.calls).toMatchObject([{ server: 'two', outcome: { ok: true } }])
  })

  it('says why, when the server that may have the tool is unreachable', async () => {
    await using first = await plainServer(echo)
    const reply = await ask('weather in Oslo', { servers: { one: first.connect, two: unreachable } })
    expect(reply.failures).toMatchObject([{ kind: 'unreachable' }])
  })

  it('says that no server has the tool', async () => {
    await using first = await plainServer(echo)
    const reply = await ask('weather in Oslo', { servers: { one: first.connect } })
    expect(reply.failures).toMatchObject([{ message: 'No server has the tool getTemperature.' }])
  })

  it('reports a tool that answers with an error', async () => {
    const broken: FakeTool = {
      name: 'echo',
      answer: () => {
        throw new Error('out of paper')
      },
    }
    await using server = await plainServer(broken)
    const reply = await ask('echo hello', { servers: { echo: server.connect } })
    expect(reply.failures).toMatchObject([{ kind: 'other', message: expect.stringMatching(/out of paper/) }])
  })

  it('believes no result that breaks the declared schema', async () => {
    const output = z.object({ temperature: z.number() })
    await using server = await plainServer({ ...temperature, output, lies: { temperature: 'warm' } })
    const reply = await ask('weather in Oslo', { servers: { weather: server.connect } })
    expect(reply.failures).toMatchObject([{ kind: 'other', message: expect.stringMatching(/schema/) }])
  })

  it('answers the known city beside an unknown one', async () => {
    await using weather = await plainServer(temperature)
    const reply = await ask('weather in Oslo and Nowhereville', { servers: { weather: weather.connect } })
    expect(reply.answer).toMatch(/^It is 7 °C in Oslo\.\nI know no city called "Nowhereville"\. /)
    expect(reply.failures).toMatchObject([{ kind: 'place', code: 'CITY_NOT_FOUND' }])
  })

  it('sets in the further lines of a peer, so that they cannot pass for its own', async () => {
    await using server = await plainServer({ name: 'echo', answer: () => ({ sentence: 'one\ntwo' }) })
    const { answer } = await ask('echo hello', { servers: { echo: server.connect } })
    expect(answer).toBe('one\n  two')
  })

  it('refuses an empty question and one over 500 characters', async () => {
    await expect(ask('  ', { servers: {} })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    await expect(ask('x'.repeat(501), { servers: {} })).rejects.toThrow(/501 characters; 500 are allowed/)
    await using server = await plainServer(echo)
    const reply = await ask(`echo ${'é'.repeat(495)}`, { servers: { echo: server.connect } })
    expect(reply.failures).toEqual([])
  })

  it('takes another planner', async () => {
    await using server = await plainServer(echo)
    const planner: Planner = {
      name: 'llm',
      async plan(question, { toolbox }) {
        const [tool] = await toolbox.toolsOf('echo')
        return {
          calls: [
            { server: 'echo', tool: tool?.name ?? '', arguments: { text: question }, purpose: 'an echo' },
          ],
          problems: [],
          notices: ['planned by a model'],
        }
      },
    }
    const reply = await ask('anything at all', { servers: { echo: server.connect }, planner })
    expect(reply).toMatchObject({
      answer: 'anything at all',
      planner: 'llm',
      notices: ['planned by a model'],
    })
  })

  it('gives a planner no more than the time limit', async () => {
    const planner: Planner = { name: 'llm', plan: () => new Promise(() => undefined) }
    await expect(ask('x', { servers: {}, planner, timeoutMs: 50 })).rejects.toMatchObject({
      code: 'CONNECTION_TIMEOUT',
    })
  })
})
