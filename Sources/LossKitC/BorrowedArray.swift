import CLossKit
import LossKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension losskit_array {
  /// Whether there is an array.
  var isThere: Bool { data != nil }

  /// Throws where it is not as long as it has to be, or of an unknown type.
  func check(count expected: Int, _ place: @autoclosure () -> String) throws {
    guard type == UInt32(LOSSKIT_FLOAT64) || type == UInt32(LOSSKIT_FLOAT32), reserved == 0 else {
      throw Failure("\(place()) has an array of type \(type); 0 (double) and 1 (float) are known")
    }
    guard count == expected else {
      throw Failure("\(place()) has \(count) values; the batch calls for \(expected)")
    }
  }

  /// Throws where it cannot be written.
  func checkWritable(count expected: Int, _ place: @autoclosure () -> String) throws {
    try check(count: expected, place())
    guard stride != 0 || count < 2 else {
      throw Failure("\(place()) is written to an array of stride 0, where all entries lie in one place")
    }
  }

  /// The numbers themselves, where they are doubles that lie side by side.
  var doubles: UnsafeMutablePointer<Double>? {
    guard type == UInt32(LOSSKIT_FLOAT64), stride == 8 || count < 2, let data,
      UInt(bitPattern: data) & UInt(MemoryLayout<Double>.alignment - 1) == 0
    else { return nil }
    return data.assumingMemoryBound(to: Double.self)
  }

  /// Copies the numbers to doubles that lie side by side.
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

  /// Writes numbers, times a factor, to where they belong; where they lie there already, they are only multiplied.
  func write(_ source: UnsafePointer<Double>, factor: Double) {
    guard let data, count > 0 else { return }
    let stride = stride
    if type == UInt32(LOSSKIT_FLOAT32) {
      for index in 0..<count {
        data.storeBytes(of: Float(source[index] * factor), toByteOffset: index &* stride, as: Float.self)
      }
    } else if let doubles {
      if doubles == source, factor == 1 { return }
      for index in 0..<count { doubles[index] = source[index] * factor }
    } else {
      for index in 0..<count {
        data.storeBytes(of: source[index] * factor, toByteOffset: index &* stride, as: Double.self)
      }
    }
  }
}
