import LossKit
import LossKitSource

/// A language or form that an objective or a component can be written in, apart from LossKit.
public enum ExportFormat: String, CaseIterable, Sendable {
  /// The nodes of value and gradient, for a program that builds the function itself; `FormulaJSON` says how they are laid out.
  case json
  /// A Python module that needs NumPy alone: a function that returns loss, rewards, gradients and states.
  case python
  /// A Python module for PyTorch: a function with its explicit gradient, for any device and `torch.compile`.
  case torch
  /// A Python module for JAX: a function with its explicit gradient, for `jit` and `grad`.
  case jax
  /// One C11 function over rows, with libm alone.
  case c
  /// A fragment of a LaTeX document: the formula and its partial derivatives.
  case latex

  /// Whether its gradients may be differentiated once more, by the framework that it is for.
  fileprivate var canBeDifferentiated: Bool { self == .torch || self == .jax }
}

extension Objective {
  /// The objective with its gradients in another form; hyperparameters are symbols, with their values as defaults.
  ///
  /// It is for K responses to each prompt and R references; where they are not given, for two responses, or what comes nearest, and
  /// the references that it compares, at least one. Throws for an objective of which a part exports no formula, for numbers that
  /// it does not take, and for what the format cannot say.
  public func exported(as format: ExportFormat, responses: Int? = nil, references: Int? = nil) throws -> String {
    try ExportedFormula(self, responses: responses, references: references, keepsStops: format.canBeDifferentiated)
      .text(as: format, rewardScale: rewardScale)
  }
}

extension LoadedComponent {
  /// The component alone with its gradients in another form: a loss over the column `reward`, or a reward.
  ///
  /// `values` are those of the hyperparameters in declared order, the defaults where none are given. Else as `Objective.exported`.
  public func exported(
    as format: ExportFormat, values: [Double]? = nil, responses: Int? = nil, references: Int? = nil
  ) throws -> String {
    let values = values ?? parameters.map(\.initial)
    guard values.count == parameters.count else {
      throw Failure("\(name): it has \(parameters.count) hyperparameters, and got \(values.count) values")
    }
    for (parameter, value) in zip(parameters, values) { try parameter.check(value) }
    let scale = parameters.firstIndex(where: \.isRewardScale).map { values[$0] } ?? 1
    return try ExportedFormula(
      self, values: values, responses: responses, references: references, keepsStops: format.canBeDifferentiated
    ).text(as: format, rewardScale: scale)
  }
}

extension ExportedFormula {
  fileprivate func text(as format: ExportFormat, rewardScale: Double) throws -> String {
    switch format {
    case .json: FormulaJSON(self, rewardScale: rewardScale).text
    case .python: try NumPySource(self).text
    case .torch: try TorchSource(self).text
    case .jax: try JAXSource(self).text
    case .c: CSource(self).text
    case .latex: LaTeXSource(self).text
    }
  }
}
