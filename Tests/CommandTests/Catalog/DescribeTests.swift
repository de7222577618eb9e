import Foundation
import LossKitRuntime
import Testing

@Suite struct DescribeTests {
  let place: Workplace
  let directory: String
  let library: String

  init() throws {
    place = try Workplace()
    directory = try place.makeDirectory("plugins")
    library = try place.compile(ToyPlugin.source, as: "plugins/libtoy.so")
  }

  @Test func aLossWithoutAFormula() throws {
    let run = try Tool.run(["describe", "toy", "--plugin-path", directory])
    #expect(run.status == 0 && run.error == "")
    #expect(
      run.output == #"""
        toy (loss, version 1.2.3)
        A toy.
        Nobody, 2024

        First line.
        Second line.

        Hyperparameters (name, default, values)
          beta  0.5  greater than 0  strength [\beta] [scales the rewards in metrics]

        Columns read
          reward  per response, differentiable  the implicit reward

        Properties
          needs             pairs, a reference
          rowwise           yes
          shift invariant   yes
          absolute rewards  no
          numeric gradient  no
          default reward    log-ratio
          responses         2
          references        0 to 1
          library           \#(library)

        """#)
  }

  @Test func aNamedObjective() throws {
    let run = try Tool.run(["describe", "toy-pair", "--plugin-path", directory])
    #expect(run.status == 0 && run.error == "")
    #expect(
      run.output == """
        toy-pair (objective, version 2)
        Two toys.
        Nobody, 2025

        Stands for
          toy(beta=0.25) + 0.5*dpo

        Properties
          needs    pairs, a reference
          library  \(library)

        """)
  }

  @Test func theFormulaOfALossAndItsGradient() throws {
    let run = try Tool.run(["describe", "cal-dpo"])
    let formula = try #require(run.output.range(of: "Formula and gradient"))
    let latex = try #require(run.output.range(of: "The same in LaTeX\n"))
    #expect(run.status == 0 && run.error == "")
    #expect(
      run.output[formula.lowerBound..<latex.lowerBound] == """
        Formula and gradient for 2 responses
          z = 1 / (2 * beta)
          u = chosen.reward - z
          v = rejected.reward + z
          w = sigmoid(rejected.reward - chosen.reward)
          loss = calibration * (square(u) + square(v)) - logsigmoid(chosen.reward - rejected.reward)
          d loss / d chosen.reward = calibration * (2 * u) - w
          d loss / d rejected.reward = calibration * (2 * v) + w


        """)
    let lines = run.output[latex.upperBound...].split(separator: "\n")
    #expect(lines.count == 7 && lines[0] == #"  z = \frac{1}{2 \, \beta}"#)
    #expect(lines[4].hasPrefix(#"  \ell = c \, "#))
    #expect(lines[6].hasPrefix(#"  \frac{\partial \ell}{\partial r_{l}} = "#))
  }

  @Test func aReward() throws {
    let run = try Tool.run(["describe", "log-ratio"])
    #expect(run.status == 0 && run.error == "")
    #expect(run.output.hasPrefix("log-ratio (reward, version "))
    #expect(run.output.contains("\n  zero at reference  yes\n"))
    #expect(run.output.contains("\n  reward = chosen.policy_logp - chosen.reference_logp\n"))
    #expect(run.output.contains("\n  r = \\log \\pi(y_{w}) - \\log \\pi_{\\mathrm{ref}}(y_{w})\n"))
  }

  @Test func aPolicy() throws {
    let registry = PluginRegistry(searchPath: try PluginSearchPath([Tool.directory()]))
    let policy = try registry.policyType(named: "transformer")
    let run = try Tool.run(["describe", "transformer"])
    #expect(run.status == 0 && run.error == "")
    #expect(run.output.hasPrefix("transformer (policy, version \(policy.version))\n\(policy.summary)\n"))
    for parameter in policy.parameters {
      #expect(run.output.contains("\n  \(parameter.name) ") && run.output.contains(parameter.range))
    }
    #expect(run.output.contains("\n  policy_logp           per response, differentiable"))
    #expect(run.output.contains("  library     \(policy.library)\n"))
  }

  @Test func jsonTellsTheSame() throws {
    let run = try Tool.run(["describe", "toy", "--json", "--plugin-path", directory])
    let cards = try #require(try json(run.output) as? [[String: Any]])
    let card = try #require(cards.first)
    #expect(run.status == 0 && cards.count == 1)
    #expect(card["kind"] as? String == "loss" && card["name"] as? String == "toy")
    #expect(card["version"] as? String == "1.2.3" && card["citation"] as? String == "Nobody, 2024")
    #expect(card["documentation"] as? String == "First line.\nSecond line.")
    #expect(card["library"] as? String == library && card["default_reward"] as? String == "log-ratio")
    #expect(card["responses"] as? [Double] == [2, 2] && card["formula"] is NSNull)
    let beta = try #require((card["hyperparameters"] as? [[String: Any]])?.first)
    #expect(beta["name"] as? String == "beta" && beta["default"] as? Double == 0.5 && beta["minimum"] as? Double == 0)
    #expect(beta["minimum_excluded"] as? Bool == true && beta["maximum"] is NSNull)
    #expect(beta["symbol"] as? String == "\\beta" && beta["scales_rewards"] as? Bool == true)
    let column = try #require((card["columns"] as? [[String: Any]])?.first)
    #expect(column["name"] as? String == "reward" && column["per"] as? String == "response")
    #expect((card["flags"] as? [String: Bool])?["shift_invariant"] == true)
    #expect(card["needs"] as? [String] == ["pairs", "a reference"] && card["published"] is NSNull)
  }

  @Test func jsonHasTheFormula() throws {
    let run = try Tool.run(["describe", "dpo", "--json"])
    let cards = try #require(try json(run.output) as? [[String: Any]])
    let formula = try #require(cards.first?["formula"] as? [String: Any])
    for notation in ["plain", "latex"] {
      let text = try #require(formula[notation] as? [String: Any])
      #expect((text["value"] as? String)?.isEmpty == false)
      #expect((text["gradient"] as? [String: String])?.count == 2)
    }
  }

  @Test func thePageOfAPractitioner() throws {
    let run = try Tool.run(["describe", "cal-dpo"])
    let heads = [
      "Hyperparameters", "Published", "Columns read", "Properties", "Neighbors", "Elsewhere", "Verification",
    ]
    var rest = run.output[...]
    for head in heads {
      let range = try #require(rest.range(of: "\n\(head)"), "\(head) in its place")
      rest = rest[range.upperBound...]
    }
    #expect(run.output.contains("plus `sppo-hard`") && run.output.contains("  absolute rewards  yes\n"))
    let cards = try #require(try json(Tool.run(["describe", "cal-dpo", "--json"]).output) as? [[String: Any]])
    for key in ["published", "neighbors", "elsewhere", "verified"] {
      #expect((cards.first?[key] as? String)?.isEmpty == false)
    }
  }

  @Test func anObjectiveThatIsWrittenOut() throws {
    let run = try Tool.run(["describe", "dpo(beta=0.2) + sft(per=token)"])
    #expect(run.status == 0 && run.error == "")
    #expect(
      run.output == """
        dpo(beta=0.2) + sft(per=token) (objective)

        Stands for
          dpo(beta=0.2, label_smoothing=0) + sft(per=token) @ log-ratio

        Properties
          needs  pairs, a reference

        """)
  }

  @Test func anUnknownNameIsNotAvailable() throws {
    let run = try Tool.run(["describe", "cal-dop"])
    #expect(run.status == 69 && run.output == "")
    #expect(run.error == "losskit: error: unknown name 'cal-dop'; did you mean 'cal-dpo' or 'cal-ipo'?\n")
  }
}
