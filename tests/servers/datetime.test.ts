import { describe, expect, it } from 'vitest'
import { builtInServers } from '../../src/servers/index.js'
import { call, clientOf } from './connected-client.js'

const now = new Date('2026-11-20T17:05:09.123Z')
const client = await clientOf(
  builtInServers.datetime.create({ weatherProvider: 'simulated', now: () => now }),
)

describe('getDateTime', () => {
  it.each([
    ['Kathmandu', 'Nepal', 'Asia/Kathmandu', '+05:45', '2026-11-20T22:50:09'],
    ['New Delhi', 'India', 'Asia/Kolkata', '+05:30', '2026-11-20T22:35:09'],
    ['Adelaide', 'Australia', 'Australia/Adelaide', '+10:30', '2026-11-21T03:35:09'],
    ['Oslo', 'Norway', 'Europe/Oslo', '+01:00', '2026-11-20T18:05:09'],
    ['Lima', 'Peru', 'America/Lima', '-05:00', '2026-11-20T12:05:09'],
    ["St. John's", 'Canada', 'America/St_Johns', '-03:30', '2026-11-20T13:35:09'],
  ])('tells the time in %s', async (city, country, timezone, utc_offset, local_time) => {
    const { data, sentence } = await call(client, 'getDateTime', { city })
    expect(data).toEqual({ city, country, timezone, utc_offset, local_time, timestamp: now.toISOString() })
    expect(sentence).toContain(city)
    expect(sentence).toContain(`UTC${utc_offset}`)
  })

  it.each([
    ['Asia/Kathmandu', 'Asia/Kathmandu', '+05:45'],
    ['europe/kyiv', 'Europe/Kyiv', '+02:00'],
    ['utc', 'UTC', '+00:00'],
  ])('tells the time in the zone %s', async (timezone, spelling, utc_offset) => {
    const { data } = await call(client, 'getDateTime', { timezone })
    expect(data).toMatchObject({ city: null, country: null, timezone: spelling, utc_offset })
  })

  it('names near matches for an unknown city', async () => {
    const { failed, sentence } = await call(client, 'getDateTime', { city: 'Kathmandoo' })
    expect(failed).toBe(true)
    expect(sentence).toBe('Unknown city "Kathmandoo". Did you mean Kathmandu, Nepal?')
  })

  it.each([
    [{}, 'either a city or a timezone'],
    [{ city: 'Oslo', timezone: 'Europe/Oslo' }, 'either a city or a timezone'],
    [{ timezone: 'Mars/Olympus' }, 'Unknown time zone "Mars/Olympus"'],
    [{ timezone: '+05:30' }, 'Unknown time zone'],
    [{ city: 'x'.repeat(101) }, 'city'],
    [{ city: 'Os\u001blo' }, 'control characters'],
    [{ city: '' }, 'city'],
  ])('refuses %j', async (args, reason) => {
    const { failed, sentence } = await call(client, 'getDateTime', args)
    expect(failed).toBe(true)
    expect(sentence).toContain(reason)
    expect(sentence).not.toContain('\u001b')
  })
})

describe('convertTime', () => {
  it('takes HH:MM as today where the time is given', async () => {
    const { data, sentence } = await call(client, 'convertTime', {
      time: '9:30',
      from: 'Lima',
      to: 'Kathmandu',
    })
    expect(data).toEqual({
      from: {
        place: 'Lima, Peru',
        time: '2026-11-20T09:30:00',
        timezone: 'America/Lima',
        utc_offset: '-05:00',
      },
      to: {
        place: 'Kathmandu, Nepal',
        time: '2026-11-20T20:15:00',
        timezone: 'Asia/Kathmandu',
        utc_offset: '+05:45',
      },
    })
    expect(sentence).toMatch(/09:30 in Lima, Peru.*20:15 in Kathmandu, Nepal\.$/)
  })

  it('reads today off the calendar of the zone asked from', async () => {
    const { data } = await call(client, 'convertTime', { time: '01:00', from: 'Adelaide', to: 'UTC' })
    expect(data).toMatchObject({ from: { time: '2026-11-21T01:00:00' }, to: { time: '2026-11-20T14:30:00' } })
  })

  it('takes a local ISO time, zones and cities mixed', async () => {
    const args = { time: '2026-07-01T12:00', from: 'Europe/Oslo', to: 'New York' }
    const { data } = await call(client, 'convertTime', args)
    expect(data).toMatchObject({
      from: { place: 'Europe/Oslo', utc_offset: '+02:00' },
      to: { time: '2026-07-01T06:00:00', utc_offset: '-04:00' },
    })
  })

  it('says so when a time happens twice, and takes the first', async () => {
    const { data, sentence } = await call(client, 'convertTime', {
      time: '2026-10-25T02:30',
      from: 'Oslo',
      to: 'UTC',
    })
    expect(data).toMatchObject({ from: { utc_offset: '+02:00' }, to: { time: '2026-10-25T00:30:00' } })
    expect(data.note).toContain('happens twice')
    expect(data.note).toContain('2026-10-25T01:30:00')
    expect(sentence).toContain(String(data.note))
  })

  it('says so when a time does not exist, and takes the one as long after the change', async () => {
    const { data, sentence } = await call(client, 'convertTime', {
      time: '2026-03-29T02:30',
      from: 'Oslo',
      to: 'UTC',
    })
    expect(data).toMatchObject({ from: { time: '2026-03-29T03:30:00' }, to: { time: '2026-03-29T01:30:00' } })
    expect(data.note).toContain('does not exist')
    expect(sentence).toContain(String(data.note))
  })

  it.each([
    '25:00',
    '24:00',
    '12:60',
    'noon',
    '2026-02-30T10:00',
    '2026-13-01T10:00',
    '10:00Z',
    '0026-01-01T10:00',
  ])('refuses %s as a time', async (time) => {
    const { failed, sentence } = await call(client, 'convertTime', { time, from: 'Oslo', to: 'Lima' })
    expect(failed).toBe(true)
    expect(sentence).toContain('is no time')
  })

  it('names near matches for an unknown place', async () => {
    const { failed, sentence } = await call(client, 'convertTime', {
      time: '10:00',
      from: 'Oslo',
      to: 'Pairs',
    })
    expect(failed).toBe(true)
    expect(sentence).toContain('Paris, France')
  })

  it('prefers the city where a name is both, and takes other zone names as zones', async () => {
    const both = await call(client, 'convertTime', { time: '10:00', from: 'Singapore', to: 'Japan' })
    expect(both.data).toMatchObject({
      from: { place: 'Singapore' },
      to: { place: 'Japan', utc_offset: '+09:00' },
    })
  })
})
