import LossKit
import Synchronization

/// What happens when an objective's C function is called.
final class ObjectiveFunctionBody: Sendable {
  private let arguments: ObjectiveArguments
  private let failure = Mutex<Failure?>(nil)

  init(_ arguments: ObjectiveArguments) { self.arguments = arguments }

  func takeFailure() -> Failure? {
    failure.withLock { failure in
      defer { failure = nil }
      return failure
    }
  }

  /// One call. `addresses` has for each argument where it lies.
  func call(_ result: UnsafeMutableRawPointer?, _ addresses: UnsafePointer<UnsafeMutableRawPointer?>) {
    var rows = 0
    var evaluation: Evaluation?
    do {
      rows = try rowCount(addresses)
      if rows > 0 { evaluation = try evaluate(addresses, rows: rows) }
    } catch let problem {
      let kept = problem as? Failure ?? Failure("\(problem)")
      failure.withLock { $0 = kept }
    }
    write(evaluation, rows: rows, result, addresses)
  }

  private func rowCount(_ addresses: UnsafePointer<UnsafeMutableRawPointer?>) throws -> Int {
    guard let index = arguments.uses.firstIndex(of: .count) else { return 1 }
    guard let place = place(of: index, addresses), let number = arguments.prototype.arguments[index].number,
      let count = Int(exactly: number.load(from: place, at: 0)), (0...Int(Int32.max)).contains(count)
    else { throw Failure("function of an objective: invalid number of rows n; expected 0 to \(Int32.max)") }
    return count
  }

  private func evaluate(
    _ addresses: UnsafePointer<UnsafeMutableRawPointer?>, rows: Int
  ) throws -> Evaluation {
    var batch = Batch(prompts: rows, responses: arguments.responses)
    var hasDerivatives = false
    for (index, argument) in arguments.prototype.arguments.enumerated() {
      switch arguments.uses[index] {
      case .input(let entry):
        guard let place = place(of: index, addresses), let number = argument.number else {
          throw Failure("function of an objective: argument '\(argument.name)' is NULL")
        }
        let count = entry.column.extent == .prompt ? rows : rows * arguments.responses
        var values = batch.columns[entry.column.name] ?? [Double](repeating: 0, count: count)
        for row in 0..<rows { values[entry.rank * rows + row] = number.load(from: place, at: row) }
        batch.columns[entry.column.name] = values
      case .derivative: hasDerivatives = hasDerivatives || place(of: index, addresses) != nil
      case .count, .loss: break
      }
    }
    var state = arguments.objective.initialState
    return try arguments.objective.evaluate(batch, state: &state, gradients: hasDerivatives)
  }

  /// Writes what was asked for; NaN where there is no evaluation.
  private func write(
    _ evaluation: Evaluation?, rows: Int, _ result: UnsafeMutableRawPointer?,
    _ addresses: UnsafePointer<UnsafeMutableRawPointer?>
  ) {
    if let result, let number = arguments.prototype.result {
      number.store(evaluation?.loss.first ?? .nan, to: result, at: 0)
    }
    for (index, argument) in arguments.prototype.arguments.enumerated() {
      guard argument.passing == .output, let place = place(of: index, addresses), let number = argument.number else {
        continue
      }
      let target = UnsafeMutableRawPointer(mutating: place)
      for row in 0..<rows {
        let value: Double? =
          switch arguments.uses[index] {
          case .loss: evaluation?.loss[row]
          case .derivative(let entry): evaluation?.gradients[entry.column.name]?[entry.rank * rows + row]
          case .count, .input: nil
          }
        number.store(value ?? .nan, to: target, at: row)
      }
    }
  }

  /// Where the numbers of an argument lie; nil for a NULL pointer.
  private func place(
    of index: Int, _ addresses: UnsafePointer<UnsafeMutableRawPointer?>
  ) -> UnsafeRawPointer? {
    guard let address = addresses[index] else { return nil }
    if arguments.prototype.arguments[index].passing == .value { return UnsafeRawPointer(address) }
    return address.load(as: UnsafeRawPointer?.self)
  }
}

extension Prototype.Number {
  /// A number in an array of this type.
  fileprivate func load(from place: UnsafeRawPointer, at index: Int) -> Double {
    switch self {
    case .double: place.load(fromByteOffset: index * 8, as: Double.self)
    case .float: Double(place.load(fromByteOffset: index * 4, as: Float.self))
    case .int32: Double(place.load(fromByteOffset: index * 4, as: Int32.self))
    case .int64: Double(place.load(fromByteOffset: index * 8, as: Int64.self))
    case .size: Double(place.load(fromByteOffset: index * MemoryLayout<UInt>.size, as: UInt.self))
    }
  }

  /// Writes a number to an array of `double` or `float`.
  fileprivate func store(_ value: Double, to place: UnsafeMutableRawPointer, at index: Int) {
    if self == .float {
      place.storeBytes(of: Float(value), toByteOffset: index * 4, as: Float.self)
    } else {
      place.storeBytes(of: value, toByteOffset: index * 8, as: Double.self)
    }
  }
}
