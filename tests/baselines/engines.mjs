// Other rule engines on the decisions of campaigns/learning-race: each is written as its own documentation writes rules,
// with one engine for each type of event, so that none looks at rules which cannot apply. `guerdon bench rule` starts it,
// checks what the engines decide, and compares their times.
//
// stdin: {"questions": [..], "checked": [..], "warm_up": rounds, "rounds": rounds}, where a question is
// {"event": type, "data": {..}, "facts": {"points_today": n}}.
// stdout: {engine: {"version", "effects": [for each question, then each checked one], "microseconds": of one call when each
// waits for the one before, "abreast_microseconds": of one when all questions are asked at once}}.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Engine } from 'json-rules-engine'
import { ZenDecisionContent, ZenEngine } from '@gorules/zen-engine'

const DAILY_CAP = 100

/** GoRules Zen: an expression node for each type of event, compiled beforehand. */
function zen () {
  const engine = new ZenEngine()
  const decision = (effects) => engine.createDecision(new ZenDecisionContent({
    contentType: 'application/vnd.gorules.decision',
    nodes: [
      { id: 'event', name: 'event', type: 'inputNode', content: {} },
      { id: 'rule', name: 'rule', type: 'expressionNode', content: { expressions: [{ id: 'effects', key: 'effects', value: effects }] } },
      { id: 'effects', name: 'effects', type: 'outputNode', content: {} }
    ],
    edges: [
      { id: 'first', type: 'edge', sourceId: 'event', targetId: 'rule' },
      { id: 'second', type: 'edge', sourceId: 'rule', targetId: 'effects' }
    ]
  }))
  const decisions = {
    'account.opened': decision(`data.existing_customer == true
      ? [{ effect: 'refuse', text: 'existing customer' }]
      : [{ effect: 'award', of: 'inviter', name: 'learning', count: 20 }, { effect: 'grant', of: 'inviter', name: 'jd-20', count: 1 }]`),
    'lesson.finished': decision(`data.points <= ${DAILY_CAP} - facts.points_today
      ? [{ effect: 'award', of: 'member', name: 'learning.lesson', count: data.points }]
      : [{ effect: 'note', text: 'daily cap: ' + string(${DAILY_CAP} - facts.points_today) + ' of ' + string(data.points) + ' points' },
         { effect: 'award', of: 'member', name: 'learning.lesson', count: ${DAILY_CAP} - facts.points_today }]`)
  }
  return {
    call: (question) => decisions[question.event].evaluate(question),
    effects: (answer) => answer.result.effects
  }
}

/** json-rules-engine: a rule for each outcome; what a rule computes is a fact that it asks for. */
function jsonRulesEngine () {
  const options = { allowUndefinedFacts: true, replaceFactsInEventParams: true }
  const opened = new Engine([
    {
      conditions: { all: [{ fact: 'existing_customer', operator: 'equal', value: true }] },
      event: { type: 'effects', params: { effects: [{ effect: 'refuse', text: 'existing customer' }] } }
    },
    {
      conditions: { all: [{ fact: 'existing_customer', operator: 'notEqual', value: true }] },
      event: {
        type: 'effects',
        params: {
          effects: [
            { effect: 'award', of: 'inviter', name: 'learning', count: 20 },
            { effect: 'grant', of: 'inviter', name: 'jd-20', count: 1 }
          ]
        }
      }
    }
  ], options)
  const lesson = new Engine([
    {
      priority: 2,
      conditions: { all: [{ fact: 'points', operator: 'greaterThan', value: { fact: 'left' } }] },
      event: { type: 'note', params: { text: { fact: 'capped' } } }
    },
    {
      conditions: { all: [{ fact: 'points', operator: 'greaterThanInclusive', value: 0 }] },
      event: { type: 'award', params: { of: 'member', name: 'learning.lesson', count: { fact: 'earned' } } }
    }
  ], options)
  lesson.addFact('left', async (_, almanac) => DAILY_CAP - await almanac.factValue('points_today'))
  lesson.addFact('earned', async (_, almanac) => Math.min(await almanac.factValue('points'), await almanac.factValue('left')))
  lesson.addFact('capped', async (_, almanac) =>
    `daily cap: ${await almanac.factValue('earned')} of ${await almanac.factValue('points')} points`)
  const engines = { 'account.opened': opened, 'lesson.finished': lesson }
  return {
    call: ({ event, data, facts }) => engines[event].run({ ...data, ...facts }),
    effects: (answer) => answer.events.flatMap(({ type, params }) => type === 'effects' ? params.effects : [{ effect: type, ...params }])
  }
}

const VARIANTS = { zen, json_rules_engine: jsonRulesEngine }
const PACKAGES = { zen: '@gorules/zen-engine', json_rules_engine: 'json-rules-engine' }
const input = JSON.parse(readFileSync(0, 'utf8'))

/** Microseconds of one call, one after the other. */
async function time (engine, rounds) {
  const began = process.hrtime.bigint()
  for (let round = 0; round < rounds; round++) {
    for (const question of input.questions) await engine.call(question)
  }
  return Number(process.hrtime.bigint() - began) / 1e3 / (rounds * input.questions.length)
}

/** Microseconds of one call, all questions on the way at the same time. */
async function timeAbreast (engine, rounds) {
  const began = process.hrtime.bigint()
  for (let round = 0; round < rounds; round++) await Promise.all(input.questions.map(engine.call))
  return Number(process.hrtime.bigint() - began) / 1e3 / (rounds * input.questions.length)
}

const answers = {}
for (const [name, build] of Object.entries(VARIANTS)) {
  const engine = build()
  const effects = []
  for (const question of [...input.questions, ...input.checked]) effects.push(engine.effects(await engine.call(question)))
  await time(engine, input.warm_up)
  const { version } = createRequire(import.meta.url)(`${PACKAGES[name]}/package.json`)
  const microseconds = await time(engine, input.rounds)
  answers[name] = { version, effects, microseconds, abreast_microseconds: await timeAbreast(engine, input.rounds) }
}
console.log(JSON.stringify(answers))
