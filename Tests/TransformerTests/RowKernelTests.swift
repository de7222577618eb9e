import CLossKitRows
import LossKitSystem
import Testing

/// The kernels of every level, compared with the same formulas in Swift with doubles.
struct RowKernelTests {
  /// Lengths near whole vectors of every level.
  private static let counts = [1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 33, 64, 100]

  @Test(arguments: [1, 2, 3] as [Int32])
  func sumsAndTurns(level: Int32) {
    let kernels = losskit_transformer_kernels_for(level).pointee
    for count in Self.counts {
      let x = numbers(count, seed: 1), y = numbers(count, seed: 2)
      #expect(close(kernels.dot(x, y, count), zip(x, y).reduce(0) { $0 + Double($1.0) * Double($1.1) }, scale: 10))
      var sum = x
      kernels.add(&sum, y, count)
      #expect(zip(sum, zip(x, y)).allSatisfy { $0 == $1.0 + $1.1 })

      let pairs = numbers(2 * count, seed: 3)
      let cosines = x.map { cos($0) }, sines = x.map { sin($0) }
      var turned = pairs
      kernels.rotate(pairs, cosines, sines, 1, &turned, count)
      for j in 0..<count {
        let expected = Double(pairs[j]) * Double(cosines[j]) - Double(pairs[j + count]) * Double(sines[j])
        #expect(close(turned[j], expected, scale: 10))
      }
      let copy = turned
      kernels.rotate(copy, cosines, sines, -1, &turned, count)
      #expect(zip(turned, pairs).allSatisfy { close($0, Double($1), scale: 10) }, "turned back")
    }
  }

  @Test(arguments: [1, 2, 3] as [Int32])
  func softmaxAndItsGradient(level: Int32) {
    let kernels = losskit_transformer_kernels_for(level).pointee
    for valid in Self.counts {
      let width = valid + 5
      var scores = numbers(valid, seed: 4) + [Float](repeating: .nan, count: 5)
      let weights = scores[..<valid].map { exp(Double($0)) }
      let sum = weights.reduce(0, +), probabilities = weights.map { $0 / sum }
      let original = scores
      let logSumExp = kernels.softmax(&scores, valid, width)
      #expect(close(logSumExp, log(sum), scale: 4))
      #expect(zip(scores, probabilities).allSatisfy { close($0, $1, scale: 1) })
      #expect(scores[valid...].allSatisfy { $0 == 0 })

      let cotangent = numbers(valid, seed: 5)
      let mean = zip(cotangent, probabilities).reduce(0) { $0 + Double($1.0) * $1.1 }
      var again = original, gradient = cotangent + [Float](repeating: .nan, count: 5)
      kernels.softmax_gradient(&again, &gradient, valid, width, logSumExp, Float(mean), 0.5)
      #expect(zip(again, probabilities).allSatisfy { close($0, $1, scale: 1) })
      for index in 0..<valid {
        #expect(close(gradient[index], probabilities[index] * (Double(cotangent[index]) - mean) * 0.5, scale: 4))
      }
      #expect(gradient[valid...].allSatisfy { $0 == 0 } && again[valid...].allSatisfy { $0 == 0 })
    }
    var extremes: [Float] = [-10_000, 10_000, -.infinity, 9_990]
    #expect(kernels.softmax(&extremes, 4, 4) == 10_000)
    #expect(extremes[0] == 0 && extremes[2] == 0 && extremes[1] > 0.9999)
  }

  @Test(arguments: [1, 2, 3] as [Int32])
  func gatesAndNorms(level: Int32) {
    let kernels = losskit_transformer_kernels_for(level).pointee
    for count in Self.counts {
      let gate = numbers(count, seed: 6).map { $0 * 5 }, up = numbers(count, seed: 7), d = numbers(count, seed: 8)
      var output = [Float](repeating: .nan, count: count), again = output
      var gateGradient = output, upGradient = output
      kernels.swiglu(gate, up, &output, 0, count)
      kernels.swiglu_gradient(gate, up, d, &again, &gateGradient, &upGradient, 0, count)
      for index in 0..<count {
        let g = Double(gate[index]), sigmoid = 1 / (1 + exp(-g)), u = Double(up[index]), c = Double(d[index])
        #expect(close(output[index], g * sigmoid * u, scale: 20) && close(again[index], g * sigmoid * u, scale: 20))
        #expect(close(upGradient[index], c * g * sigmoid, scale: 20))
        #expect(close(gateGradient[index], c * u * sigmoid * (1 + g * (1 - sigmoid)), scale: 20))
      }

      let weight = numbers(count, seed: 9), inverse = Float(0.75)
      kernels.norm(gate, inverse, weight, &output, 0, count)
      #expect((0..<count).allSatisfy { close(output[$0], Double(gate[$0]) * 0.75 * Double(weight[$0]), scale: 20) })
      var gradient = up, weightGradient = up
      kernels.norm_gradient(gate, inverse, weight, d, &gradient, &weightGradient, count)
      let projection = (0..<count).reduce(0) { $0 + Double(gate[$1]) * Double(d[$1]) * Double(weight[$1]) }
      for index in 0..<count {
        let x = Double(gate[index]), c = Double(d[index]) * 0.75
        let pull = projection * 0.421875 / Double(count)
        #expect(close(gradient[index], Double(up[index]) + c * Double(weight[index]) - x * pull, scale: 100))
        #expect(close(weightGradient[index], Double(up[index]) + c * x, scale: 100))
      }
    }
  }

  @Test(arguments: [1, 2, 3] as [Int32])
  func anUpdateByAdam(level: Int32) {
    let kernels = losskit_transformer_kernels_for(level).pointee
    var update = losskit_adam(
      clip: 0.5, beta1: 0.875, beta2: 0.96875, rest1: 0.125, rest2: 0.03125, size: 0.01, unbias: 2, epsilon: 1e-3,
      decay: 0.125)
    for count in Self.counts {
      let start = numbers(count, seed: 10)
      var weights = start, gradient = numbers(count, seed: 11)
      var first = numbers(count, seed: 12), second = numbers(count, seed: 13).map { $0 * $0 }
      let expected = (0..<count).map { index in
        let slope = Double(gradient[index]) * 0.5
        let mean = 0.875 * Double(first[index]) + 0.125 * slope
        let square = 0.96875 * Double(second[index]) + 0.03125 * slope * slope
        let weight = Double(start[index])
        return (mean, square, weight - 0.125 * weight - 0.01 * mean / (square.squareRoot() * 2 + 1e-3))
      }
      var rounded = [UInt16](repeating: 1, count: count + 1)
      kernels.adam(&weights, &rounded, &gradient, &first, &second, count, &update)
      #expect((0..<count).allSatisfy { rounded[$0] == bfloat16(weights[$0]) } && rounded[count] == 1)
      for index in 0..<count {
        #expect(close(first[index], expected[index].0, scale: 4) && close(second[index], expected[index].1, scale: 4))
        #expect(close(weights[index], expected[index].2, scale: 4) && gradient[index] == 0)
      }
    }
  }

  /// Arrays that only matrix products read may be bfloat16: the rounded floats.
  @Test(arguments: [1, 2, 3] as [Int32])
  func roundedOutputs(level: Int32) {
    let kernels = losskit_transformer_kernels_for(level).pointee
    for count in Self.counts {
      let gate = numbers(count, seed: 6).map { $0 * 5 }, up = numbers(count, seed: 7), d = numbers(count, seed: 8)
      var floats = (0..<4).map { _ in [Float](repeating: .nan, count: count) }
      var rounded = (0..<4).map { _ in [UInt16](repeating: 1, count: count + 1) }
      kernels.swiglu(gate, up, &floats[0], 0, count)
      kernels.swiglu(gate, up, &rounded[0], 1, count)
      #expect(rounded[0] == floats[0].map(bfloat16) + [1])
      withUnsafeTemporaryArrays(&floats) { kernels.swiglu_gradient(gate, up, d, $0[1], $0[2], $0[3], 0, count) }
      withUnsafeTemporaryArrays(&rounded) { kernels.swiglu_gradient(gate, up, d, $0[1], $0[2], $0[3], 1, count) }
      #expect(zip(rounded, floats).dropFirst().allSatisfy { $0 == $1.map(bfloat16) + [1] })
      kernels.norm(gate, 0.75, up, &floats[0], 0, count)
      kernels.norm(gate, 0.75, up, &rounded[0], 1, count)
      #expect(rounded[0] == floats[0].map(bfloat16) + [1])
    }
  }

  /// Calls `body` with the addresses of copies of the arrays, and copies back what it wrote.
  private func withUnsafeTemporaryArrays<Element>(
    _ arrays: inout [[Element]], _ body: ([UnsafeMutableRawPointer]) -> Void
  ) {
    let copies = arrays.map { array in
      let copy = UnsafeMutablePointer<Element>.allocate(capacity: array.count)
      copy.initialize(from: array, count: array.count)
      return copy
    }
    body(copies.map { UnsafeMutableRawPointer($0) })
    for index in arrays.indices {
      arrays[index] = Array(UnsafeBufferPointer(start: copies[index], count: arrays[index].count))
      copies[index].deallocate()
    }
  }

  /// Agreement to a few units in the last place of numbers of size `scale`.
  private func close(_ value: Float, _ expected: Double, scale: Double) -> Bool {
    abs(Double(value) - expected) <= 1e-6 * max(scale, abs(expected))
  }

  private func numbers(_ count: Int, seed: UInt64) -> [Float] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(Int64(bitPattern: state) >> 40) / Float(1 << 22)
    }
  }
}

/// The upper half of a float, rounded to nearest, ties to even.
func bfloat16(_ value: Float) -> UInt16 {
  let bits = value.bitPattern, upper = UInt16(truncatingIfNeeded: bits >> 16)
  guard !value.isNaN else { return upper | 0x40 }
  let lower = bits & 0xFFFF
  return lower > 0x8000 || (lower == 0x8000 && upper & 1 == 1) ? upper &+ 1 : upper
}
