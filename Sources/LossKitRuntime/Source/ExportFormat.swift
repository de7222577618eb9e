import LossKit
import LossKitSource

/// A language or format in which an objective or a component can be exported, independent of LossKit.
public enum ExportFormat: String, CaseIterable, Sendable {
  /// The nodes of value and gradient, for a program that builds the function itself; `FormulaJSON` describes the
  /// layout.
  case json
  /// A Python module that only needs NumPy: a function that returns loss, rewards, gradients and states.
  case python
  /// A Python module for PyTorch: a function with its explicit gradient, for any device and `torch.compile`.
  case torch
  /// A Python module for JAX: a function with its explicit gradient, for `jit` and `grad`.
  case jax
  /// One C11 function over rows, which only needs libm.
  case c
  /// A fragment of a LaTeX document: the formula and its partial derivatives.
  case latex

  /// Whether its framework may differentiate the gradients again.
  fileprivate var canBeDifferentiated: Bool { self == .torch || self == .jax }
}

extension Objective {
  /// The objective with its gradients in another language or format; hyperparameters are symbols, with their values as
  /// defaults.
  ///
  /// It is written for K responses per prompt and R references; by default, for two responses or the nearest number it
  /// takes, and the references that it compares, at least one. Throws if a part exports no formula, for numbers that
  /// the objective does not take, and for what the format cannot express.
  public func exported(as format: ExportFormat, responses: Int? = nil, references: Int? = nil) throws -> String {
    try ExportedFormula(self, responses: responses, references: references, keepsStops: format.canBeDifferentiated)
      .text(as: format, rewardScale: rewardScale)
  }
}

extension LoadedComponent {
  /// The component alone with its gradients in another language or format: a loss over the column `reward`, or a
  /// reward.
  ///
  /// `values` are those of the hyperparameters in declared order; by default, their defaults. Otherwise as
  /// `Objective.exported`.
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
