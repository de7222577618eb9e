import LossKit
import LossKitTemplate
import Testing

/// What is refused, and how: a hostile template ends in an error, too.
@Suite("Refused templates")
struct RefusalTests {
  private static let wayOut = "another chat template can be given with --chat-template FILE"

  @Test(
    "Text that is no template is refused with its line",
    arguments: [
      ("a\n{{ 1", "line 2: expected '}}', found the end of the template"),
      ("{% if x %}\na", "line 1: 'if' has no 'endif'"),
      ("{% endif %}", "line 1: 'endif' ends nothing"),
      ("{% for x %}{% endfor %}", "line 1: expected 'in', found '%}'"),
      ("{{ (1 }}", "line 1: expected ')', found '}'"),
      ("{{ ) }}", "line 1: ')' closes nothing"),
      ("{{ 'a }}", "line 1: the string has no end, '"),
      ("{{ '\\ud800' }}", "line 1: '\\ud800' is no character"),
      ("{{ 1 $ 2 }}", "line 1: unexpected character '$'"),
      ("{{ }}", "line 1: expected an expression, found '}}'"),
      ("{# a", "line 1: the comment has no end, '#}'"),
      ("{% raw %}", "line 1: 'raw' has no 'endraw'"),
      ("{% break %}", "line 1: 'break' stands outside of a loop"),
      ("{{ 99999999999999999999 }}", "line 1: 99999999999999999999 is beyond 64 bits"),
      ("{{ f(a=1, 2) }}", "line 1: the arguments are in the wrong order"),
      ("{% set true = 1 %}", "line 1: nothing can be assigned to 'true'"),
      ("{% macro m(a=1, b) %}{% endmacro %}", "line 1: 'b' has no preset value"),
      ("{% call x %}{% endcall %}", "line 1: 'call' is followed by no call"),
    ])
  func syntax(template: String, message: String) {
    #expect(refusal(template).hasPrefix("test.jinja, " + message))
    #expect(refusal(template).hasSuffix(Self.wayOut))
  }

  @Test("A template that is nested too deep is refused")
  func deep() {
    for (opening, middle, closing) in [
      ("(", "1", ")"), ("[", "1", "]"), ("{1: ", "1", "}"), ("not ", "1", ""), ("-", "1", ""),
      ("1 if 1 else ", "1", ""),
      ("1[", "1", "]"), ("f(", "1", ")"), ("1 | f(", "1", ")"), ("1 is f [", "1", "]"),
    ] {
      let text = String(repeating: opening, count: 5000) + middle + String(repeating: closing, count: 5000)
      #expect(refusal("{{ \(text) }}").hasPrefix("test.jinja, line 1: the template is nested more than 100 deep"))
    }
    for statement in ["{% if 1 %}", "{% for x in y %}", "{% filter upper %}", "{% macro m() %}", "{% set x %}"] {
      #expect(
        refusal(String(repeating: statement, count: 5000)).hasPrefix(
          "test.jinja, line 1: the template is nested more than 100 deep"))
    }
    // A long chain is no nesting.
    #expect(refusal("{{ 0\(String(repeating: " + 1", count: 5000)) }}") == "rendered: 5000")
    #expect(refusal("{{ 1\(String(repeating: " | int", count: 5000)) }}") == "rendered: 1")
  }

  @Test(
    "What cannot be rendered is refused with its line",
    arguments: [
      ("{{ x.y }}", "'x' is undefined"),
      ("{{ d.x.y }}", "'dict object' has no attribute 'x'"),
      ("{{ n.x.y }}", "None has no attribute 'x'"),
      ("{{ x + 1 }}", "'x' is undefined"),
      ("{{ 'a' + 1 }}", "'+' takes no values of the types str and int"),
      ("{{ 'a' < 1 }}", "'<' takes no values of the types str and int"),
      ("{{ 1 / 0 }}", "a number is divided by 0"),
      ("{{ 1 % 0 }}", "a number is divided by 0"),
      ("{{ 1.0 // 0 }}", "a number is divided by 0"),
      ("{{ 9223372036854775807 + 1 }}", "a number is beyond 64 bits"),
      ("{{ -9223372036854775807 - 2 }}", "a number is beyond 64 bits"),
      ("{{ (-9223372036854775807 - 1) // -1 }}", "a number is beyond 64 bits"),
      ("{{ -(-9223372036854775807 - 1) }}", "a number is beyond 64 bits"),
      ("{{ (-9223372036854775807 - 1) | abs }}", "a number is beyond 64 bits"),
      ("{{ 2 ** 64 }}", "a number is beyond 64 bits"),
      ("{{ 1e300 | int }}", "a number is beyond 64 bits"),
      ("{{ l[::0] }}", "the step of a slice is 0"),
      ("{{ range(0, 9, 0) }}", "the step of a range is 0"),
      ("{{ range(1000000000000) }}", "a range has more than 100000 numbers"),
      ("{{ l.append(1) }}", "'append' changes a list, which a template may not"),
      ("{{ d.update({}) }}", "'update' changes a dict, which a template may not"),
      ("{% for a, b in [1] %}{% endfor %}", "a value of the type int has no elements"),
      ("{% for a, b in [(1, 2, 3)] %}{% endfor %}", "3 values are assigned to 2 names"),
      ("{% set s.x = 1 %}", "'s.x' cannot be set, as 's' is no namespace"),
      ("{{ s() }}", "a value of the type str cannot be called"),
      ("{{ 5 | length }}", "a value of the type int has no length"),
      ("{{ x | tojson }}", "tojson cannot write 'x' is undefined"),
      ("{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "the macro 'm' takes at most 1 arguments"),
      ("{% macro m(a) %}{% endmacro %}{{ m(b=2) }}", "the macro 'm' takes no argument 'b'"),
      ("{{ raise_exception('No ' ~ s) }}", "the template refuses the messages: No Hello World"),
      ("{{ s | urlize }}", "the filter 'urlize' is not supported"),
      ("{{ s is strange }}", "the test 'strange' is not supported"),
      ("{{ lipsum() }}", "the function 'lipsum' is not supported"),
      ("{{ s.encode() }}", "the method 'encode' of a text is not supported"),
      ("{% include 'x' %}", "the statement 'include' is not supported"),
      ("{% do l.append(1) %}", "the statement 'do' is not supported"),
    ])
  func rendering(template: String, message: String) {
    #expect(refusal("1\n2 {{ 3 }}\n" + template).hasPrefix("test.jinja, line 3: " + message))
    #expect(refusal(template).hasSuffix(Self.wayOut))
    // What is not reached is not refused.
    #expect(refusal("{% if false %}\(template){% endif %}ok") == "rendered: ok")
  }

  @Test(
    "A template without end or bound is stopped",
    .timeLimit(.minutes(1)),
    arguments: [
      "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
      "{% macro m() %}{{ [m()] | map('string') | join }}{% endmacro %}{{ m() }}",
      "{% macro m(a=m()) %}{% endmacro %}{{ m() }}",
      "{% macro m() %}{% call m() %}{% endcall %}{% endmacro %}{{ m() }}",
      "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
      "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}",
      "{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
      "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
      "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
      "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x == ns.x }}",
      "{% set ns = namespace(x=[1]) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}",
      "{% set ns = namespace(x={}) %}{% for i in range(9999) %}{% set ns.x = {'x': ns.x} %}{% endfor %}",
      "{{ 'a' * 9223372036854775807 }}", "{{ [1] * 9223372036854775807 }}", "{{ 'aa' * 99999999999 }}",
      "{{ 'a'.center(9223372036854775807) }}", "{{ 'a' | indent(9223372036854775807) }}",
      "{{ 'a'.zfill(9223372036854775807) }}", "{{ [1] | tojson(indent=9223372036854775807) }}",
      "{{ [1] | batch(9223372036854775807, 0) | list }}", "{{ [1] | slice(9223372036854775807) | list }}",
      "{{ '%9999999999d' % 1 }}", "{{ 'a' | replace('', 'a' * 99999999) }}",
      "{% for i in range(99999) %}{{ 'a' * 99999 }}{% endfor %}",
    ])
  func unbounded(template: String) {
    #expect(refusal(template).hasSuffix(Self.wayOut), "\(refusal(template).prefix(100))")
  }

  @Test(
    "What holds itself or a long chain is freed",
    arguments: [
      "{% set ns = namespace() %}{% set ns.x = ns %}",
      "{% set ns = namespace() %}{% for i in range(99999) %}{% set ns.x = namespace(x=ns.x) %}{% endfor %}",
      "{% set ns = namespace() %}{% for i in range(99999) %}{% set p = ns.x %}{% macro m() %}{% endmacro %}{% set ns.x = m %}{% endfor %}",
      "{% set ns = namespace() %}{% for i in range(9999) %}{% for k in [ns.x] %}{% set p = loop.changed(ns.x) %}{% set ns.x = loop %}{% break %}{% endfor %}{% endfor %}",
      "{{ l[9223372036854775807] }}{{ l[-9223372036854775807] }}{{ l[::9223372036854775807] }}{{ s[9223372036854775807::-1] | length }}",
    ])
  func chains(template: String) { _ = refusal(template) }
}
