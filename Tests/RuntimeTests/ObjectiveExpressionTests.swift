import LossKit
import Testing

@testable import LossKitRuntime

@Suite struct ObjectiveExpressionTests {
  @Test(arguments: [
    ("dpo", "dpo"),
    ("  dpo  ", "dpo"),
    ("dpo(beta=0.1)", "dpo(beta=0.1)"),
    ("dpo ( beta = 1e-1 )", "dpo(beta=0.1)"),
    ("cal-dpo(beta=0.01) @ log-ratio", "cal-dpo(beta=0.01) @ log-ratio"),
    ("dpo(beta=0.1)+0.2*sft(per=token)", "dpo(beta=0.1) + 0.2*sft(per=token)"),
    ("dpo@alpha-divergence(alpha=.3)", "dpo @ alpha-divergence(alpha=0.3)"),
    ("1*dpo", "dpo"),
    ("1.5e-3 * dpo", "0.0015*dpo"),
    ("sft(per=batch-token)", "sft(per=batch-token)"),
    ("a(flag=true, other=false, x=-2, y=+3)", "a(flag=true, other=false, x=-2, y=3)"),
    ("dpo\n + sft", "dpo + sft"),
    (
      "{-logsigmoid(beta*(chosen.reward - rejected.reward))}(beta=0.1)",
      "{-logsigmoid(beta*(chosen.reward - rejected.reward))}(beta=0.1)"
    ),
    ("2*{ {a} + b } @ {c}", "2*{ {a} + b } @ {c}"),
    ("x(a=1e300)", "x(a=1e+300)"),
  ])
  func canonicalForm(text: String, canonical: String) throws {
    let expression = try ObjectiveExpression(parsing: text)
    #expect(expression.description == canonical)
    #expect(try ObjectiveExpression(parsing: canonical).description == canonical)
  }

  @Test func parts() throws {
    let expression = try ObjectiveExpression(parsing: "dpo(beta=0.1) + 0.2*sft(per=token) @ {x}")
    #expect(expression.terms.map(\.weight) == [1, 0.2])
    #expect(expression.terms.map(\.component.column) == [1, 21])
    #expect(expression.terms[0].component.body == .name("dpo"))
    #expect(
      expression.terms[0].component.arguments == [
        .init(key: "beta", value: .number(0.1), keyColumn: 5, valueColumn: 10)
      ])
    #expect(expression.terms[1].component.arguments.first?.value == .word("token"))
    #expect(expression.reward?.body == .formula("x", column: 39))
  }

  @Test(arguments: [
    ("", 1, "expected a loss or a weight, found the end"),
    ("   ", 4, "expected a loss or a weight, found the end"),
    ("dpo +", 6, "expected a loss or a weight, found the end"),
    ("dpo sft", 5, "expected '+', '@' or the end, found 's'"),
    ("dpo(beta 0.1)", 10, "expected '=' behind 'beta', found '0'"),
    ("dpo(beta=)", 10, "expected a number, true, false or the name of a choice, found ')'"),
    ("dpo(beta=0.1", 13, "expected ')' or ',', found the end"),
    ("dpo(beta=0.1,)", 14, "expected the name of a hyperparameter, found ')'"),
    ("dpo()", 5, "expected the name of a hyperparameter, found ')'"),
    ("dpo(beta=0.1.2)", 10, "'0.1.2' is not a number"),
    ("dpo(beta=0.1x)", 10, "'0.1x' is not a number"),
    ("dpo(beta=--1)", 10, "'--1' is not a number"),
    ("dpo(beta=1e999)", 10, "'1e999' is too large"),
    ("dpo(beta=1,beta=2)", 12, "'beta' is given twice"),
    ("dpo(Beta=1)", 5, "'Beta' is not a name"),
    ("DPO", 1, "'DPO' is not a name"),
    ("cal_dpo", 1, "'cal_dpo' is not a name"),
    ("cal-", 1, "'cal-' is not a name"),
    ("dpo(a=_x)", 7, "'_x' is not a value"),
    ("0.5 dpo", 5, "expected '*' behind the weight, found 'd'"),
    ("dpo + -0.5*sft", 7, "invalid weight -0.5; expected 0 or a greater number"),
    ("dpo @", 6, "expected the name of a reward, found the end"),
    ("dpo @ log-ratio @ mean", 17, "there is one '@' already, and it binds all terms"),
    ("dpo @ log-ratio + sft", 17, "'@' stands once, behind all terms"),
    ("dpo @ 2*log-ratio", 7, "expected the name of a reward, found '2'"),
    ("{a + {b}", 1, "this '{' is never closed"),
    ("dpo + { }", 7, "the formula is empty"),
    ("dpo)", 4, "expected '+', '@' or the end, found ')'"),
    ("dpo(beta='0.1')", 10, "expected a number, true, false or the name of a choice"),
    ("β", 1, "expected a loss or a weight, found 'β'"),
  ])
  func mistakesAreShownWithTheirColumn(text: String, column: Int, problem: String) {
    let lines = message { try ObjectiveExpression(parsing: text) }.split(
      separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.first?.hasPrefix("objective, column \(column): \(problem)") == true, "\(lines)")
    #expect(lines.last?.count == 2 + column && lines.last?.last == "^", "\(lines)")
  }

  @Test func theLineOfALongTextIsCutAroundTheMistake() {
    let text = "dpo(beta=1) + " + String(repeating: "dpo + ", count: 1000) + "?"
    let lines = message { try ObjectiveExpression(parsing: text) }.split(separator: "\n")
    #expect(lines.allSatisfy { $0.count < 120 })
    #expect(lines.count == 3)
    #expect(lines.last.map { lines[1].dropFirst($0.count - 1).first } == "?")
  }

  @Test func aTextWithoutEndIsRefused() {
    let text = String(repeating: "x", count: 1_000_000)
    #expect(message { try ObjectiveExpression(parsing: text) }.contains("1000000 bytes long"))
  }

  @Test func whatComesToLightLaterIsShownInTheTextToo() throws {
    let expression = try ObjectiveExpression(parsing: "dpo + dpoo")
    let failure = expression.failure("unknown loss", at: expression.terms[1].component.column)
    #expect(failure.message == "objective, column 7: unknown loss\n  dpo + dpoo\n        ^")
  }
}
