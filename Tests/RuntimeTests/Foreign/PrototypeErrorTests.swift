import LossKit
import Testing

@testable import LossKitRuntime

/// Messages for invalid prototypes, and for prototypes that cannot be bound.
@Suite struct PrototypeErrorTests {
  struct Wrong: CustomTestStringConvertible {
    let prototype: String
    var gradient: String?
    var kind = LoadedComponent.Kind.loss
    /// The expected text of the message, including the column.
    let message: String

    var testDescription: String { "\(prototype) \(gradient ?? "")" }
  }

  private static let pair = "double f(double chosen_reward, double rejected_reward, double beta = 0.1)"

  static let wrong: [Wrong] = [
    Wrong(prototype: "", message: "function, column 1: expected a type: double, float, int32_t"),
    Wrong(
      prototype: "int f(double chosen_reward)", message: "function, column 1: unknown type 'int'; did you mean 'int"),
    Wrong(
      prototype: "double f(long chosen_reward)", message: "function, column 10: unknown type 'long'; there are: double"),
    Wrong(prototype: "double f", message: "function, column 9: expected '(' before the arguments, found the end"),
    Wrong(prototype: "double f(double chosen_reward", message: "column 30: expected ')' or ',', found the end"),
    Wrong(prototype: "double f(double)", message: "column 16: expected the name of the argument"),
    Wrong(prototype: "double f(double chosen_reward) + 1", message: "column 32: expected the end, found '+'"),
    Wrong(prototype: "double f(double chosen_reward, )", message: "column 32: expected a type"),
    Wrong(prototype: "double f(const double **chosen_reward)", message: "column 23: a pointer to a pointer"),
    Wrong(prototype: "double *f(double chosen_reward)", message: "column 8: a pointer is returned"),
    Wrong(prototype: "double f(double reward, double reward)", message: "column 32: 'reward' appears twice"),
    Wrong(
      prototype: "double f(double chosen_reward, double beta = x)", message: "column 46: expected a number, found 'x'"),
    Wrong(prototype: "double f(double chosen_reward, void beta)", message: "column 37: expected '*' behind void"),
    Wrong(
      prototype: "double f(double chosen_rewards)",
      message:
        "column 17: unknown argument 'chosen_rewards'; did you mean 'chosen_reward'? A hyperparameter has a default: "
        + "'double chosen_rewards = 0.1'"),
    Wrong(
      prototype: "double f(double chosen_reward, double beta)", message: "column 39: unknown argument 'beta'; there are"
    ),
    Wrong(prototype: "double f(double chosen_reward = 1)", message: "column 17: 'chosen_reward' is a column, and only"),
    Wrong(prototype: "double f(double Beta = 1)", message: "column 17: 'Beta' is not a name of a hyperparameter"),
    Wrong(
      prototype: "double f(int32_t chosen_reward)",
      message: "column 18: 'chosen_reward' carries a gradient, and int32_t has none; write 'double chosen_reward'"),
    Wrong(
      prototype: "double f(double *chosen_reward)",
      message: "column 18: 'chosen_reward' is read; write 'double chosen_reward'"),
    Wrong(
      prototype: "void f(size_t n, double chosen_reward, double *loss)",
      message: "column 25: with 'n' there is a 'chosen_reward' for each row; write 'const double *chosen_reward'"),
    Wrong(
      prototype: "void f(double n, double *loss)", message: "column 15: 'n' is the number of rows: write 'size_t n'"),
    Wrong(prototype: "void f(double chosen_reward)", message: "column 1: it gives no loss; return it, or add"),
    Wrong(prototype: "double f(size_t n, const double *reward)", message: "column 1: in batch form the result is void"),
    Wrong(
      prototype: "int64_t f(double chosen_reward)",
      message: "column 1: invalid type of the loss; expected double or float"),
    Wrong(prototype: "void f(double reward, int32_t *loss)", message: "column 32: invalid type of 'loss'; expected"),
    Wrong(prototype: "double f(double reward, double *loss)", message: "column 33: the loss is returned and written"),
    Wrong(prototype: "double f(void)", message: "function: it reads no column; there are: "),
    Wrong(
      prototype: "double f(double chosen_reward, double label)",
      message: "column 39: 'chosen_reward' is of a pair, 'label' of a single response"),
    Wrong(
      prototype: "double f(double chosen_reward, void *data)",
      message: "column 38: only 'user_data' is a pointer to void"),
    Wrong(
      prototype: "double f(double chosen_reward)", kind: .reward,
      message: "column 17: unknown argument 'chosen_reward'; there are: label, log_ratio"),
    Wrong(
      prototype: pair, gradient: "void g(double chosen_reward, double *d_chosen_reward)",
      message: "gradient, column 1: it lacks an output for every derivative; add 'double *d_rejected_reward'"),
    Wrong(
      prototype: pair, gradient: "double g(double *d_chosen_reward, double *d_rejected_reward)",
      message: "gradient, column 1: a gradient returns void"),
    Wrong(
      prototype: pair, gradient: "void g(double *d_beta, double *d_chosen_reward, double *d_rejected_reward)",
      message: "gradient, column 16: unknown derivative 'd_beta'; there are: d_chosen_reward, d_rejected_reward"),
    Wrong(
      prototype: pair, gradient: "void g(double gamma, double *d_chosen_reward, double *d_rejected_reward)",
      message: "gradient, column 15: unknown argument 'gamma'"),
    Wrong(
      prototype: pair, gradient: "void g(double beta = 0.2, double *d_chosen_reward, double *d_rejected_reward)",
      message: "gradient, column 15: the default of 'beta' differs from the function's"),
    Wrong(
      prototype: "double f(double chosen_token_count)", gradient: "void g(void)",
      message: "gradient, column 1: the function reads nothing that carries a gradient"),
  ]

  @Test(arguments: wrong) func isRefusedWithThePlaceAndTheRemedy(_ wrong: Wrong) {
    let declaration = FunctionDeclaration(
      name: "wrong", kind: wrong.kind, prototype: wrong.prototype, gradientPrototype: wrong.gradient)
    let registry = PluginRegistry()
    let found = message {
      try registry.register(
        declaration, function: Functions.sigmoid, gradient: wrong.gradient == nil ? nil : Functions.sigmoidGradient)
    }
    #expect(found.hasPrefix("this program: ") && found.contains(wrong.message), "\(found)")
    #expect(registry.listing.entries.isEmpty)
  }

  @Test func theTextIsShownWithAMarkUnderThePlace() {
    let found = message {
      try PluginRegistry().register(
        FunctionDeclaration(name: "wrong", kind: .loss, prototype: "double f(double chosen, double beta = 1)"),
        function: Functions.sigmoid)
    }
    #expect(found.hasSuffix("\n  double f(double chosen, double beta = 1)\n                  ^"))
  }

  @Test(arguments: [
    "double f(double chosen_reward,double rejected_reward);", "extern double f ( const double * chosen_reward )",
    "double (*)(double reward)", "double (*f)(double const *__restrict reward)", "float f(float reward, float b=1e-3)",
    "void f(const int32_t *n, const double *restrict chosen_reward, double *loss)",
  ])
  func theFormsOfC(_ prototype: String) throws {
    try PluginRegistry().register(
      FunctionDeclaration(name: "right", kind: .loss, prototype: prototype), function: Functions.sigmoid)
  }

  @Test func aDeclarationThatContradictsItself() {
    func found(_ change: (inout FunctionDeclaration) -> Void) -> String {
      var declaration = Functions.sigmoidDeclaration
      change(&declaration)
      return message { try PluginRegistry().register(declaration, function: Functions.sigmoid) }
    }
    #expect(found { $0.name = "Plain" }.hasPrefix("this program: 'Plain' is not a name; "))
    #expect(found { $0.isZeroAtReference = true }.contains("zero_at_reference: it is a claim about rewards"))
    #expect(found { $0.hyperparameters["bета"] = .init() }.contains("unknown hyperparameter"))
    #expect(
      found { $0.hyperparameters["beta"] = .init(minimum: 1) }.contains(
        "'beta': its default is out of bounds"))
    #expect(found { $0.columns = ["score"] }.contains("columns: 'score' is a standard column; leave it out"))
    #expect(found { $0.columns = ["a b"] }.contains("columns: 'a b' is not a name"))
    #expect(found { $0.summary = "a\0b" }.contains("a text holds a zero byte"))
    #expect(found { $0.gradientPrototype = Functions.sigmoidGradientPrototype }.contains("the function is missing"))
    #expect(found { $0.defaultReward = "Log Ratio" }.contains("its default reward 'Log Ratio' is not a name"))
  }
}
