import LossKit
import LossKitTestSupport
import Testing

@testable import LossKitRuntime

/// Errors in formulas name the position; nothing traps.
@Suite struct FormulaMistakeTests {
  @Test(arguments: [
    ("{chosen.reward -}", 17, "expected a number, a column, a function or '(', found the end of the formula"),
    ("{* chosen.reward}", 2, "expected a number, a column, a function or '(', found '*'"),
    ("{chosen.reward rejected.reward}", 16, "expected an operator or the end, found 'rejected'"),
    ("{(chosen.reward}", 16, "expected ')' or an operator, found the end of the formula"),
    ("{chosen.reward)}", 15, "expected an operator or the end, found ')'"),
    ("{chosen}", 8, "expected '.' and the name of a column, found the end of the formula"),
    ("{chosen.}", 9, "expected the name of a column, found the end of the formula"),
    ("{chosen.rewrd}", 9, "unknown column 'rewrd'; did you mean 'reward'?"),
    ("{chosen.logp}", 9, "unknown column 'logp'; there are: "),
    ("{chosn.reward}", 2, "unknown response 'chosn'; did you mean 'chosen'?"),
    ("{square(reward)}", 9, "'reward' is a column: write whose, as in chosen.reward"),
    ("{sqare(chosen.reward)}", 2, "unknown function 'sqare'; did you mean 'square'?"),
    ("{logSigmoid(chosen.reward)}", 2, "unknown function 'logSigmoid'; did you mean 'logsigmoid'?"),
    ("{stopGradient(chosen.reward)}", 2, "unknown function 'stopGradient'; did you mean 'stop_gradient'?"),
    ("{exp * chosen.reward}", 2, "'exp' is a function: write exp(…)"),
    ("{batch_count() * chosen.reward}", 2, "'batch_count' takes no operands; leave out the parentheses"),
    ("{beta(chosen.reward)}(beta=1)", 2, "'beta' is not a function; a product is written with '*'"),
    ("{uniform * chosen.reward}", 2, "'uniform' is a function: write uniform() or uniform(1)"),
    ("{uniform(-1) * chosen.reward}", 10, "expected ')' behind the number of the stream, found '-'"),
    ("{uniform(0.5) * chosen.reward}", 10, "a stream of random numbers is a whole number from 0 on"),
    ("{beta*chosen.reward}", 2, "the hyperparameter 'beta' has no value; give it one behind the formula"),
    ("{bata*chosen.reward}(beta=1)", 2, "the hyperparameter 'bata' has no value"),
    ("{Beta*chosen.reward}", 2, "'Beta' is not a name; names are lower-case letters"),
    ("{chosen.reward}(beta=1)", 17, "unknown hyperparameter of the formula 'beta'; there is none"),
    ("{beta*chosen.reward}(beta=true)", 27, "invalid value 'true' for beta; expected a finite number"),
    ("{beta*chosen.reward}(beta=1, beta=2)", 30, "'beta' is given twice"),
    ("{chosen.reward^2}", 15, "'^' has no meaning in a formula; for a power write square(x)"),
    ("{chosen.reward**2}", 15, "unknown operator '**'; write square(x)"),
    ("{chosen.reward − 1}", 16, "'−' has no meaning in a formula; minus is '-'"),
    ("{2·chosen.reward}", 3, "'·' has no meaning in a formula; a product is written with '*'"),
    ("{2chosen.reward}", 2, "'2chosen.reward' is not a number"),
    ("{0x10*chosen.reward}", 2, "'0x10' is not a number"),
    ("{1e999*chosen.reward}", 2, "'1e999' is too large"),
    ("{chosen.reward > 0}", 16, "a comparison is the first operand of select(a > b, x, y), and nothing else"),
    (
      "{select(1, 2, chosen.reward < 3)}", 29,
      "a comparison is the first operand of select(a > b, x, y), and nothing else"
    ),
    ("{select(chosen.reward > 0, 1)}", 2, "'select' takes 3 operands, not 2"),
    ("{clamp(chosen.reward)}", 2, "'clamp' takes 3 operands, not 1"),
    ("{exp(chosen.reward, 1)}", 2, "'exp' takes 1 operand, not 2"),
    ("{exp()}", 6, "expected a number, a column, a function or '(', found ')'"),
    ("{chosen.reward + response.label}", 18, "'response' does not go with 'chosen'"),
    ("{responses[0].reward + chosen.reward}", 24, "'chosen' does not go with 'responses[0]'"),
    ("{responses.reward}", 11, "expected '[', a rank and ']', found '.'"),
    ("{responses[64].reward}", 12, "expected a rank, a whole number from 0 to 63, found '64'"),
    ("{responses[0.5].reward}", 12, "expected a rank, a whole number from 0 to 63, found '0.5'"),
    ("{chosen.reward[1]}", 15, "'reward' is the same for all references"),
    ("{token.policy_token_logp}", 2, "tokens are known to a reward only"),
    ("{chosen.policy_token_logp}", 9, "'policy_token_logp' is per token; only a reward reads it"),
    ("{1 + 2}", 2, "it reads no column; a loss is made of columns such as chosen.reward"),
    ("{z = 1; chosen.reward}", 2, "'z' is defined, and nothing uses it"),
    ("{z = chosen.reward; z = 2; z}", 21, "'z' is defined twice"),
    ("{z = chosen.reward z}", 20, "expected ';' behind the definition of 'z', found 'z'"),
    ("{z = chosen.reward; z}(z=1)", 2, "'z' is defined here, and given a value as a hyperparameter"),
    ("{exp = chosen.reward; exp}", 2, "'exp' has a meaning already; take another name"),
    ("{z + 1; z = chosen.reward}", 2, "the hyperparameter 'z' has no value"),
    ("dpo + {chosen.rewrd}", 15, "unknown column 'rewrd'"),
    ("dpo @ {chosen.policy_logp}", 8, "a reward is of one response: write response.policy_logp"),
    ("dpo @ {response.reward}", 17, "a reward is made of log-probabilities, not of rewards"),
    ("dpo @ {batch_mean(response.policy_logp)}", 8, "a reward depends on its own prompt alone; 'batch_mean' belongs"),
    ("dpo @ {row * response.policy_logp}", 8, "a reward depends on its own prompt alone; 'row' belongs in a loss"),
    ("dpo @ {token.policy_logp}", 14, "'policy_logp' is per response; a token has policy_token_logp"),
    ("dpo @ {token.policy_logp_token}", 14, "unknown column 'policy_logp_token'"),
    ("dpo @ {2}", 8, "it reads no column; a reward is made of columns such as response.policy_logp"),
  ])
  func mistakesAreShownAtTheirCharacter(text: String, column: Int, problem: String) throws {
    let registry = try BuiltPlugins.registry()
    let lines = message { try Objective(text, in: registry) }.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.first?.hasPrefix("objective, column \(column): \(problem)") == true, "\(lines)")
    #expect(lines.last?.count == 2 + column && lines.last?.last == "^", "\(lines)")
  }

  @Test func whatIsNotOneFormulaIsNoFormula() {
    for text in ["dpo", "{chosen.reward} + dpo", "2*{chosen.reward}", "{chosen.reward} @ log-ratio"] {
      #expect(message { try FormulaText(parsing: text) }.contains("expected one formula in braces"), "\(text)")
    }
  }

  @Test func aValueIsGivenOnce() throws {
    let registry = try BuiltPlugins.registry()
    let setting = try Setting(parsing: "beta=0.2")
    let text = message {
      try Objective("{beta*square(chosen.reward)}(beta=0.1)", settings: [setting], in: registry)
    }
    #expect(text.contains("is set in the objective and once more as a setting"))
  }

  @Test func depthEndsInAnErrorAndLengthDoesNot() throws {
    let registry = try BuiltPlugins.registry()
    for opening in ["(", "exp(", "select(", "-("] {
      let deep = "{" + String(repeating: opening, count: 5000) + "chosen.reward"
      let closed = deep + String(repeating: ")", count: 5000) + "}"
      #expect(message { try Objective(closed, in: registry) }.contains("deeper than 100 parentheses"))
    }
    let signs = "{" + String(repeating: "-", count: 60000) + "chosen.reward}"
    _ = try FormulaText(parsing: signs).component()
    let sum = "{" + String(repeating: "chosen.reward+", count: 4000) + "1}"
    let objective = try Objective(sum, in: registry)
    var state: [Double] = []
    let columns = ["policy_logp": [-1.0, -2], "reference_logp": [-3.0, -2]]
    let evaluation = try objective.evaluate(Batch(prompts: 1, columns: columns), state: &state)
    #expect(evaluation.loss == [8001] && evaluation.gradients["policy_logp"] == [4000, 0])
    // Each name is used twice, so that a short text expands to a large formula.
    let doubling = (1...600).map { "a\($0) = a\($0 - 1) - 0.5*a\($0 - 1); " }.joined()
    _ = try FormulaText(parsing: "{a0 = chosen.reward; \(doubling)a600}").component()
    #expect(message { try FormulaText(parsing: "{" + String(repeating: " ", count: 70_000)) }.contains("bytes long"))
  }

  /// Texts of random words, and methods with characters changed: an error or a formula, never a crash.
  @Test func noTextTraps() throws {
    var numbers = SeededNumbers(seed: 11)
    let words =
      FormulaFunction.all.map(\.name) + FormulaColumn.known.map(\.name) + FormulaColumn.places
      + [
        "(", ")", "[", "]", ",", ";", "=", "+", "-", "*", "/", ".", "<", "0", "1e3", "2.5", "beta", "uniform", "row",
        "{", "}", "é", "👍🏽", "\u{0}",
      ]
    let known = WrittenMethods.losses.map(\.1) + WrittenMethods.rewards.map(\.1)
    var formulas = 0
    for round in 0..<3000 {
      var text: String
      if round % 2 == 0 {
        let body = (0..<Int.random(in: 0...20, using: &numbers)).compactMap { _ in words.randomElement(using: &numbers)
        }
        text = "{" + body.joined(separator: round % 4 == 0 ? "" : " ") + "}(beta=1)"
      } else {
        var characters = Array(known.randomElement(using: &numbers) ?? "")
        for _ in 0..<Int.random(in: 1...3, using: &numbers) {
          let place = Int.random(in: 0..<characters.count, using: &numbers)
          switch Int.random(in: 0...2, using: &numbers) {
          case 0: characters.remove(at: place)
          case 1: characters.insert(contentsOf: words.randomElement(using: &numbers) ?? "", at: place)
          default: characters.swapAt(place, Int.random(in: 0..<characters.count, using: &numbers))
          }
        }
        text = String(characters)
      }
      for kind in LoadedComponent.Kind.allCases {
        guard let formula = try? FormulaText(parsing: text, as: kind) else { continue }
        formulas += 1
        // A parsed formula builds or reports an error; its canonical form is the same formula.
        _ = try? formula.component()
        #expect(try FormulaText(parsing: formula.description, as: kind).description == formula.description)
      }
    }
    #expect(formulas > 20)
  }
}
