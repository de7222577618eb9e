import LossKit
import LossKitJSON
import LossKitTemplate
import Testing

/// What a template makes of these variables.
func rendered(_ source: String, _ variables: [(String, JSONValue)] = sampleVariables) throws -> String {
  try ChatTemplate(source, name: "test.jinja").render(
    messages: [], variables: variables, time: { $0 == "%Y" ? "2024" : "?" })
}

/// The message of the error of a template.
func refusal(_ source: String) -> String {
  do {
    return "rendered: " + (try rendered(source))
  } catch {
    return "\(error)"
  }
}

let sampleVariables: [(String, JSONValue)] = [
  ("s", .string("Hello World")), ("l", .array([.number(3), .number(1), .number(2)])), ("n", .null), ("t", .bool(true)),
  ("d", .object([("b", .number(1)), ("a", .number(2))])), ("f", .number(1.5)),
  (
    "rows",
    .array([("b", 2), ("A", 1), ("a", 3)].map { .object([("n", .string($0.0)), ("v", .number($0.1))]) })
  ),
]

/// A template with what jinja2 makes of it.
struct Example: CustomTestStringConvertible, Sendable {
  let template, text: String

  init(_ template: String, _ text: String) {
    self.template = template
    self.text = text
  }

  var testDescription: String { template }
}

/// The texts are those of jinja2 3.1.6 with the settings of transformers.
@Suite("Templates")
struct TemplateTests {
  @Test(
    "Statements",
    arguments: [
      Example("{% if n %}1{% elif t %}2{% else %}3{% endif %}", "2"),
      Example("{% for x in l if x > 1 %}{{ x }}:{{ loop.index }}/{{ loop.length }} {% endfor %}", "3:1/2 2:2/2 "),
      Example("{% for x in [] %}a{% else %}empty{% endfor %}", "empty"),
      Example("{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}", "32"),
      Example("{% for x in l %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}", "3"),
      Example(
        "{% for x in l %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }}{{ loop.cycle('a', 'b') }}"
          + "{{ loop.first }}{{ loop.last }}{{ loop.changed(x > 1) }}{{ loop.revindex }}{{ loop.revindex0 }} {% endfor %}",
        "<3>1aTrueFalseTrue32 3<1>2bFalseFalseTrue21 1<2>aFalseTrueTrue10 "),
      Example("{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "123"),
      Example(
        "{% for x in [1, [2, [3]]] recursive %}{{ loop.depth }}{% if x is iterable %}({{ loop(x) }})"
          + "{% else %}={{ x }} {% endif %}{% endfor %}", "1=1 1(2=2 2(3=3 ))"),
      Example("{% set x = 1 %}{% for i in l %}{% set x = i %}{% endfor %}{{ x }}", "1"),
      Example("{% if t %}{% set x = 9 %}{% endif %}{{ x }}{% set a, b = 1, 2 %}{{ a + b }}", "93"),
      Example("{% set ns = namespace(a=0) %}{% for i in l %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }}", "6"),
      Example("{% set q %}a{{ s }}{% endset %}{{ q }}{% set q | upper %}b{% endset %}{{ q }}", "aHello WorldB"),
      Example(
        "{% macro m(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }}{{ varargs }}{{ kwargs }};{% endmacro %}"
          + "{{ m(1) }}{{ m(1, 2, 3, 4, z=5) }}", "121(){};123(4,){'z': 5};"),
      Example("{% macro m(a) %}{{ caller(a) }}{% endmacro %}{% call(x) m(1) %}[{{ x }}]{% endcall %}", "[1]"),
      Example("{% set g = 5 %}{% macro m() %}{{ g }}{% endmacro %}{% set g = 6 %}{{ m() }}", "6"),
      Example("{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a }}", "3"),
      Example("{% filter upper %}abc{% endfilter %}{% generation %}g{% endgeneration %}{% print 1, 2 %}", "ABCg12"),
      Example("{% raw %}{{ x }} {% if %}{% endraw %}|{%- raw -%}  a  {%- endraw -%}  |", "{{ x }} {% if %}|a|"),
    ])
  func statements(example: Example) throws { #expect(try rendered(example.template) == example.text) }

  @Test(
    "White space around tags",
    arguments: [
      Example("  {% if t %}\n    yes\n  {% endif %}\n end\n", "    yes\n end"),
      Example("a\n  {%+ if t %}\nb{% endif +%}\nc", "a\n  b\nc"),
      Example("a \n {%- if t -%} \n b {%- endif -%} \n c", "abc"),
      Example("x {{- s -}} y", "xHello Worldy"),
      Example("  {{ 1 }}  \n  {# note #}\nz", "  1  \nz"),
      Example("a{#- note -#}  b", "ab"),
      Example("a\r\nb\r", "a\nb"),
      Example("\n\n", "\n"),
    ])
  func whiteSpace(example: Example) throws { #expect(try rendered(example.template) == example.text) }

  @Test(
    "Expressions",
    arguments: [
      Example("{{ 1 + 2 * 3 }} {{ 2 ** 3 ** 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }}", "7 64 -4 2 3.5"),
      Example(
        "{{ 1e16 }} {{ 1e15 }} {{ 0.0001 }} {{ 1.5e-5 }} {{ 0.1 + 0.2 }}",
        "1e+16 1000000000000000.0 0.0001 1.5e-05 0.30000000000000004"),
      Example(
        "{{ s ~ 1 ~ n ~ t ~ x }}|{{ 'a' 'b' }}|{{ s * 2 }}|{{ [1] * 2 }}",
        "Hello World1NoneTrue|ab|Hello WorldHello World|[1, 1]"),
      Example(
        "{{ 1 if n }}|{{ 'x' if n else 'y' if t else 'z' }}|{{ n or 0 }}|{{ t and 5 }}|{{ not n }}", "|y|0|5|True"),
      Example(
        "{{ 1 < 2 < 3 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ '1' == 1 }} {{ [1, 2] < [1, 3] }}",
        "True True True False True"),
      Example("{{ 'ell' in s }} {{ 1 not in l }} {{ 'a' in d }} {{ '' in '' }}", "True False True True"),
      Example("{{ [n, t, f, \"it's\", 'q\"', 'a\\n\\x00'] }}", "[None, True, 1.5, \"it's\", 'q\"', 'a\\n\\x00']"),
      Example("{{ (1,) }} {{ () }} {{ {1: 2, n: (3, 4)} }} {{ d }}", "(1,) () {1: 2, None: (3, 4)} {'b': 1, 'a': 2}"),
      Example(
        "{{ s[0] }}{{ s[-1] }} {{ s[1:3] }} {{ s[::-1] }} {{ l[::-1] }} {{ l[-9:9] }} {{ s[99] }}",
        "Hd el dlroW olleH [2, 1, 3] [3, 1, 2] "),
      Example("{{ d.a }}{{ d['b'] }}{{ d.x }}{{ rows[0].n }}{{ rows.0.v }}", "21b2"),
      Example("{{ '\\t\\x41\\u00e9\\101\\q' }}", "\tA\u{E9}A\\q"),
      Example("{{ 'e\u{301}' == '\u{E9}' }}{{ 'e\u{301}' | length }}", "False2"),
      Example(
        "{{ x }}|{{ x | length }}|{{ x == y }}|{{ x == none }}|{% for i in x %}{% endfor %}{{ x or 1 }}",
        "|0|True|False|1"),
      Example("{{ 0x1F }} {{ 1_000 }}", "31 1000"),
    ])
  func expressions(example: Example) throws { #expect(try rendered(example.template) == example.text) }

  @Test(
    "Filters",
    arguments: [
      Example(
        "{{ s | upper }} {{ s | lower }} {{ 'hELLO w' | capitalize }} {{ 'a b-c (d)' | title }}",
        "HELLO WORLD hello world Hello w A B-C (D)"),
      Example(
        "{{ ' a ' | trim }}{{ 'xax' | trim('x') }}{{ 'a b' | replace(' ', '-') }}{{ 'abc' | replace('', '-') }}",
        "aaa-b-a-b-c-"),
      Example(
        "{{ l | sort }} {{ l | first }} {{ l | last }} {{ l | join(',') }} {{ l | sum }} {{ l | min }} {{ l | max }}",
        "[1, 2, 3] 3 2 3,1,2 6 1 3"),
      Example(
        "{{ rows | map(attribute='n') | list }} {{ l | map('string') | list }}", "['b', 'A', 'a'] ['3', '1', '2']"),
      Example(
        "{{ rows | selectattr('v', 'gt', 1) | map(attribute='n') | join }} {{ l | reject('odd') | list }}", "ba [2]"),
      Example(
        "{{ rows | sort(attribute='n') | map(attribute='v') | list }} {{ d | dictsort }}",
        "[1, 3, 2] [('a', 2), ('b', 1)]"),
      Example("{{ x | default('q') }} {{ n | default('q') }} {{ n | d('q', true) }}", "q None q"),
      Example(
        "{{ '5.7' | int }} {{ 'x' | int(3) }} {{ '1.5' | float }} {{ 42.55 | round(1, 'floor') }} {{ 2.5 | round }} {{ -3 | abs }}",
        "5 3 1.5 42.5 2.0 3"),
      Example("{{ '<b>' | e }} {{ ('<' | safe) + '<' }} {{ '<' | safe }}", "&lt;b&gt; <&lt; <"),
      Example(
        "{{ 'x\ny\n\nz' | indent }}|{{ 'foo bar baz qux' | truncate(9) }}|{{ 'ab' | center(6) }}",
        "x\n    y\n\n    z|foo...|  ab  "),
      Example(
        "{{ [1, 2, 3] | batch(2) | list }} {{ [1, 2, 3] | slice(2) | list }} {{ ['a', 'A'] | unique | list }}",
        "[[1, 2], [3]] [[1, 2], [3]] ['a']"),
      Example(
        "{{ d | items | list }} {{ l | reverse | list }} {{ s | reverse }} {{ 'a b' | wordcount }}",
        "[('b', 1), ('a', 2)] [2, 1, 3] dlroW olleH 2"),
      Example("{{ '%s-%03d' | format('a', 7) }} {{ '%.2f%%' % 1.5 }} {{ '{}{x}'.format(1, x=2) }}", "a-007 1.50% 12"),
      Example(
        "{{ d | tojson }} {{ '\u{E9}<' | tojson }} {{ '\u{E9}' | tojson(ensure_ascii=true) }} {{ [1.0, n] | tojson(separators=(',', ':')) }}",
        "{\"b\": 1, \"a\": 2} \"\u{E9}<\" \"\\u00e9\" [1.0,null]"),
      Example("{{ {'a': [1, {}]} | tojson(indent=2) }}", "{\n  \"a\": [\n    1,\n    {}\n  ]\n}"),
    ])
  func filters(example: Example) throws { #expect(try rendered(example.template) == example.text) }

  @Test(
    "Methods, functions and tests",
    arguments: [
      Example(
        "{{ s.split() }} {{ 'a,b,c'.split(',', 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ ' a  b '.split(none, 1) }}",
        "['Hello', 'World'] ['a', 'b,c'] ['a,b', 'c'] ['a', 'b ']"),
      Example(
        "{{ ' x '.strip() }}{{ '\n\nx\n'.lstrip('\n').rstrip('\n') }}{{ s.startswith('He') }}{{ s.endswith(('x', 'ld')) }}",
        "xxTrueTrue"),
      Example(
        "{{ s.replace('o', '0', 1) }} {{ s.find('o') }} {{ s.rfind('o') }} {{ s.count('l') }} {{ ','.join(['a', 'b']) }}",
        "Hell0 World 4 7 3 a,b"),
      Example(
        "{{ 'a-b'.partition('-') }} {{ 'a\nb'.splitlines() }} {{ '5'.zfill(3) }} {{ 'ab'.removeprefix('a') }} {{ \"they're\".title() }}",
        "('a', '-', 'b') ['a', 'b'] 005 b They'Re"),
      Example(
        "{{ d.get('a') }}{{ d.get('z') }}{{ d.get('z', 7) }} {{ d.keys() }} {{ d.values() | list }} {{ l.index(1) }}",
        "2None7 dict_keys(['b', 'a']) [1, 2] 1"),
      Example(
        "{{ range(1, 10, 3) | list }} {{ range(3)[1] }} {{ dict(a=1) }} {{ strftime_now('%Y') }}",
        "[1, 4, 7] 1 {'a': 1} 2024"),
      Example(
        "{{ x is defined }} {{ n is none }} {{ s is string }} {{ d is mapping }} {{ s is iterable }} {{ n is sequence }}",
        "False True True True True False"),
      Example(
        "{{ 3 is odd }} {{ 6 is divisibleby 3 }} {{ 1 is in [1] }} {{ t is integer }} {{ t is number }} {{ s is not string and t }}",
        "True True True False True False"),
    ])
  func functions(example: Example) throws { #expect(try rendered(example.template) == example.text) }

  @Test("A conversation with tools and tool turns")
  func tools() throws {
    let template = try ChatTemplate(
      """
      {%- for tool in tools or [] %}{{ tool | tojson }};{% endfor %}
      {%- for m in messages %}{{ m.role }}:{{ m.content or '' }}
      {%- for c in m.tool_calls or [] %}{{ c.function.name }}({{ c.function.arguments | tojson }}){% endfor %};{% endfor %}
      {%- if add_generation_prompt %}assistant:{% endif %}
      """, name: "test.jinja")
    let messages = try JSONValue(
      parsing: Array(
        #"""
        [{"role": "system", "content": "S"}, {"role": "user", "content": "U"},
         {"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f", "arguments": {"x": 12345678901234567890}}}]},
         {"role": "tool", "content": "7"}]
        """#.utf8)
    ).array
    let tool: JSONValue = .object([("name", .string("f"))])
    #expect(
      try template.render(messages: try #require(messages), tools: [tool], addGenerationPrompt: true)
        == "{\"name\": \"f\"};system:S;user:U;assistant:f({\"x\": 12345678901234567890});tool:7;assistant:")
    #expect(try template.render(messages: [], tools: nil) == "")
  }
}
