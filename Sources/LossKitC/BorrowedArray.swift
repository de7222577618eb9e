import CLossKit
import LossKit
import LossKitRuntime
import LossKitSystem

extension losskit_array {
  /// Whether there is an array.
  var isThere: Bool { data != nil }

  /// Throws if its length is not the expected one, or its type is unknown.
  func check(count expected: Int, _ place: @autoclosure () -> String) throws {
    guard type == UInt32(LOSSKIT_FLOAT64) || type == UInt32(LOSSKIT_FLOAT32), reserved == 0 else {
      throw Failure("\(place()) has an array of type \(type); 0 (double) and 1 (float) are known")
    }
    guard count == expected else {
      throw Failure("\(place()) has \(count) values; the batch calls for \(expected)")
    }
  }

  /// Throws if it cannot be written.
  func checkWritable(count expected: Int, _ place: @autoclosure () -> String) throws {
    try check(count: expected, place())
    guard stride != 0 || count < 2 else {
      throw Failure("\(place()) is written to an array of stride 0, whose entries all share one address")
    }
  }

  /// Whether all numbers satisfy a rule.
  func allSatisfy(_ rule: ColumnRule) -> Bool {
    switch rule {
    case .finite: allNumbers { _, value in ColumnRule.finite.allows(value) }
    case .count: allNumbers { _, value in ColumnRule.count.allows(value) }
    case .label: allNumbers { _, value in ColumnRule.label.allows(value) }
    case .probability: allNumbers { _, value in ColumnRule.probability.allows(value) }
    }
  }

  /// Whether the numbers are the lengths of the first segments of ascending offsets.
  func areLengths(of offsets: UnsafePointer<Int>) -> Bool {
    allNumbers { index, value in value == Double(offsets[index + 1] &- offsets[index]) }
  }

  /// Whether a predicate holds for all numbers and their indices; it visits all of them, which is faster than leaving
  /// the loop early.
  @inline(__always)
  private func allNumbers(_ holds: (Int, Double) -> Bool) -> Bool {
    guard let data else { return true }
    let stride = stride
    var isRight = true
    if type == UInt32(LOSSKIT_FLOAT32) {
      if stride == 4 {
        for index in 0..<count {
          let value = Double(data.loadUnaligned(fromByteOffset: index &* 4, as: Float.self))
          isRight = holds(index, value) && isRight
        }
      } else {
        for index in 0..<count {
          let value = Double(data.loadUnaligned(fromByteOffset: index &* stride, as: Float.self))
          isRight = holds(index, value) && isRight
        }
      }
    } else {
      for index in 0..<count {
        isRight = holds(index, data.loadUnaligned(fromByteOffset: index &* stride, as: Double.self)) && isRight
      }
    }
    return isRight
  }

  /// The numbers themselves, if they are contiguous doubles.
  var doubles: UnsafeMutablePointer<Double>? {
    guard type == UInt32(LOSSKIT_FLOAT64), stride == 8 || count < 2, let data,
      UInt(bitPattern: data) & UInt(MemoryLayout<Double>.alignment - 1) == 0
    else { return nil }
    return data.assumingMemoryBound(to: Double.self)
  }

  /// Copies the numbers to contiguous doubles.
  func read(to target: UnsafeMutablePointer<Double>) {
    guard let data, count > 0 else { return }
    let stride = stride
    if type == UInt32(LOSSKIT_FLOAT32) {
      if stride == 4 {
        for index in 0..<count {
          target[index] = Double(data.loadUnaligned(fromByteOffset: index &* 4, as: Float.self))
        }
      } else {
        for index in 0..<count {
          target[index] = Double(data.loadUnaligned(fromByteOffset: index &* stride, as: Float.self))
        }
      }
    } else if stride == 8 {
      memcpy(target, data, count &* 8)
    } else {
      for index in 0..<count { target[index] = data.loadUnaligned(fromByteOffset: index &* stride, as: Double.self) }
    }
  }

  /// Writes finite numbers, times a factor of at most 1; if they are already in place, they are only multiplied.
  ///
  /// Returns the index of the first number that the array's type cannot represent; nil if it can represent all.
  func write(_ source: UnsafePointer<Double>, factor: Double) -> Int? {
    guard let data, count > 0 else { return nil }
    let stride = stride
    if type == UInt32(LOSSKIT_FLOAT32) {
      var largest: UInt32 = 0
      for index in 0..<count {
        let narrow = Float(source[index] * factor)
        largest = max(largest, narrow.magnitude.bitPattern)
        data.storeBytes(of: narrow, toByteOffset: index &* stride, as: Float.self)
      }
      guard largest >= Float.infinity.bitPattern else { return nil }
      return (0..<count).first { !Float(source[$0] * factor).isFinite }
    }
    if let doubles {
      if doubles == source, factor == 1 { return nil }
      for index in 0..<count { doubles[index] = source[index] * factor }
    } else {
      for index in 0..<count {
        data.storeBytes(of: source[index] * factor, toByteOffset: index &* stride, as: Double.self)
      }
    }
    return nil
  }
}
