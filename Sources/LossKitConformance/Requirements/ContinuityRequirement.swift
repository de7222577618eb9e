import LossKit
import LossKitRuntime
import LossKitSystem

extension ComponentRequirement {
  /// Values have no jumps. A gradient does not show a jump, so training does not see it; a method may still intend one.
  static let continuity = ComponentRequirement(
    name: "continuity",
    summary: "values have no jumps along random lines; a jump, which no gradient shows, is a warning"
  ) { subject in
    var calls = subject.calls
    var lines = 0
    for parameters in calls.parameterSets().prefix(8) {
      // The second scale reaches far from 0, where a threshold may be.
      for scale in [1.0, 20] {
        let isRowwise = subject.component.isRowwise
        for _ in 0..<(isRowwise ? 1 : 4) {
          var start = calls.call(prompts: isRowwise ? 60 : 6)
          start.parameters = parameters
          guard start.columns.contains(where: \.column.isDifferentiable) else {
            return .notTested("it differentiates no column")
          }
          guard let line = Line(from: start, scale: scale, isRowwise: isRowwise, &calls.numbers) else { continue }
          lines += isRowwise ? start.prompts : 1
          if let jump = try line.jump() { return .warning("\(jump)\(subject.text(parameters))") }
        }
      }
    }
    return .met("no jump on \(lines) lines")
  }
}

/// Values along a line between two points, or along one line per prompt.
private struct Line {
  private static let gridSize = 64
  private let start: ComponentCall
  private let directions: [String: [Double]]
  private let isRowwise: Bool

  /// A line to another random point; nil if the component rejects one of its ends.
  init?(from start: ComponentCall, scale: Double, isRowwise: Bool, _ numbers: inout SeededNumbers) {
    var start = start
    var directions: [String: [Double]] = [:]
    start.cotangent = start.cotangent ?? []
    for (name, column) in start.columns where column.isDifferentiable {
      guard let values = start.inputs[name] else { continue }
      // Rewards cross 0 on their way; log-probabilities stay negative.
      let ends =
        name.hasSuffix("logp")
        ? values.map { $0 * numbers.uniform(0.3...2) } : numbers.normals(values.count, deviation: 3)
      start.inputs[name] = values.map { scale * $0 }
      directions[name] = zip(ends, values).map { scale * ($0 - $1) }
    }
    self.start = start
    self.directions = directions
    self.isRowwise = isRowwise
    guard (try? values(at: positions(0))) != nil, (try? values(at: positions(1))) != nil else { return nil }
  }

  /// Describes a jump; nil if none is found.
  func jump() throws -> String? {
    let grid = try (0...Self.gridSize).map { try values(at: positions(Double($0) / Double(Self.gridSize))) }
    var low = grid[0].indices.map { line in Double(roughestInterval(grid.map { $0[line] })) / Double(Self.gridSize) }
    var high = low.map { $0 + 1 / Double(Self.gridSize) }
    var (below, above) = (try values(at: low), try values(at: high))
    // Bisects towards the jump; a continuous value changes less and less.
    for _ in 0..<44 {
      let middle = zip(low, high).map { ($0 + $1) / 2 }
      let values = try values(at: middle)
      for line in low.indices {
        if (values[line] - below[line]).magnitude > (above[line] - values[line]).magnitude {
          (high[line], above[line]) = (middle[line], values[line])
        } else {
          (low[line], below[line]) = (middle[line], values[line])
        }
      }
    }
    for line in low.indices {
      let size = (above[line] - below[line]).magnitude
      guard size > 1e-4 * (1 + max(above[line].magnitude, below[line].magnitude)) else { continue }
      let place = call(at: low).columnsOf(prompt: isRowwise ? line : 0)
      return "the value jumps from \(below[line]) to \(above[line]) at \(place)"
    }
    return nil
  }

  /// The interval whose difference stands out most from its neighbors: a kink or steep slope, if not a jump.
  private func roughestInterval(_ values: [Double]) -> Int {
    let differences = zip(values.dropFirst(), values).map { $0 - $1 }
    let roughness = differences.indices.map { index in
      let neighbors = [index - 1, index + 1].filter(differences.indices.contains).map { differences[$0] }
      return (differences[index] - neighbors.reduce(0, +) / Double(neighbors.count)).magnitude
    }
    return roughness.indices.max { roughness[$0] < roughness[$1] } ?? 0
  }

  private func positions(_ position: Double) -> [Double] {
    [Double](repeating: position, count: isRowwise ? start.prompts : 1)
  }

  private func call(at positions: [Double]) -> ComponentCall {
    var call = start
    call.cotangent = nil
    for (name, direction) in directions {
      let extent = start.columns.first { $0.name == name }?.column.per ?? .response
      start.withShape { shape in
        for entry in direction.indices {
          let position = positions.count == 1 ? positions[0] : positions[shape.place(of: entry, per: extent).prompt]
          call.inputs[name]?[entry] += position * direction[entry]
        }
      }
    }
    return call
  }

  /// The value on each line.
  private func values(at positions: [Double]) throws -> [Double] {
    let output = try call(at: positions).run().output
    let weights = start.cotangent ?? []
    if !isRowwise { return [zip(output, weights).reduce(0) { $0 + $1.0 * $1.1 }] }
    return (0..<start.prompts).map { prompt in
      stride(from: prompt, to: output.count, by: start.prompts).reduce(0) { $0 + output[$1] * weights[$1] }
    }
  }
}
