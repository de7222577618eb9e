import LossKitRuntime
import LossKitSystem

/// C functions that tests register.
enum Functions {
  typealias Input = UnsafePointer<Double>?
  typealias Output = UnsafeMutablePointer<Double>?

  private static func pointer<Function>(_ function: Function) -> UnsafeRawPointer {
    unsafeBitCast(function, to: UnsafeRawPointer.self)
  }

  static var sigmoidDeclaration: FunctionDeclaration {
    var declaration = FunctionDeclaration(
      name: "plain", kind: .loss,
      prototype: "double plain(double chosen_reward, double rejected_reward, double beta = 0.1)", summary: "Plain DPO.")
    declaration.hyperparameters = ["beta": .init(minimum: 0, isMinimumExcluded: true, scalesRewards: true)]
    return declaration
  }

  static let sigmoidGradientPrototype =
    "void g(double chosen_reward, double rejected_reward, double beta, double *d_chosen_reward, double *d_rejected_reward)"

  static var sigmoid: UnsafeRawPointer {
    let function: @convention(c) (Double, Double, Double) -> Double = { chosen, rejected, beta in
      let z = beta * (chosen - rejected)
      return z < 0 ? log1p(exp(z)) - z : log1p(exp(-z))
    }
    return pointer(function)
  }

  static var sigmoidGradient: UnsafeRawPointer {
    let function: @convention(c) (Double, Double, Double, Output, Output) -> Void = { chosen, rejected, beta, d, e in
      let slope = -beta / (1 + exp(beta * (chosen - rejected)))
      d?.pointee = slope
      e?.pointee = -slope
    }
    return pointer(function)
  }

  /// The number of calls of `whole` and `wholeGradient`. Only one test calls them.
  nonisolated(unsafe) static let calls = {
    let calls = UnsafeMutablePointer<Int>.allocate(capacity: 1)
    calls.initialize(to: 0)
    return calls
  }()

  static var whole: UnsafeRawPointer {
    let function:
      @convention(c) (
        Int, Input, UnsafePointer<Float>?, Double, UnsafeMutablePointer<Float>?, UnsafeMutableRawPointer?
      ) -> Void = { n, chosen, rejected, beta, loss, calls in
        guard let chosen, let rejected, let loss else { return }
        for row in 0..<n {
          let margin = chosen[row] - Double(rejected[row])
          loss[row] = Float(beta * margin * margin)
        }
        calls?.assumingMemoryBound(to: Int.self).pointee += 1
      }
    return pointer(function)
  }

  static var wholeGradient: UnsafeRawPointer {
    let function:
      @convention(c) (
        Int, Input, UnsafePointer<Float>?, Double, Output, UnsafeMutablePointer<Float>?, UnsafeMutableRawPointer?
      ) -> Void = { n, chosen, rejected, beta, d, e, calls in
        guard let chosen, let rejected, let d, let e else { return }
        for row in 0..<n {
          let slope = 2 * beta * (chosen[row] - Double(rejected[row]))
          d[row] = slope
          e[row] = Float(-slope)
        }
        calls?.assumingMemoryBound(to: Int.self).pointee += 1
      }
    return pointer(function)
  }

  static var wholeNumbers: UnsafeRawPointer {
    let function: @convention(c) (Int, UnsafePointer<Int32>?, Input, Int64, Float) -> Double = {
      count, other, chosen, power, scale in
      guard let other, let chosen else { return .nan }
      return Double(scale) * chosen.pointee * Double(count - Int(other.pointee)) + Double(power)
    }
    return pointer(function)
  }

  static var single: UnsafeRawPointer {
    let function: @convention(c) (Double, Int32) -> Double = { reward, label in label == 1 ? -reward : reward }
    return pointer(function)
  }

  static var link: UnsafeRawPointer {
    let function: @convention(c) (Double, Double) -> Double = { ratio, policy in ratio * policy }
    return pointer(function)
  }

  static var linkGradient: UnsafeRawPointer {
    let function: @convention(c) (Double, Double, Output, Output) -> Void = { ratio, policy, d, e in
      d?.pointee = policy
      e?.pointee = ratio
    }
    return pointer(function)
  }

  static var wholeLink: UnsafeRawPointer {
    let function: @convention(c) (Int32, Input, Input, Output) -> Void = { n, ratio, policy, reward in
      guard let ratio, let policy, let reward else { return }
      for row in 0..<Int(n) { reward[row] = ratio[row] * policy[row] }
    }
    return pointer(function)
  }

  static var root: UnsafeRawPointer {
    let function: @convention(c) (Double) -> Double = { sqrt($0) }
    return pointer(function)
  }

  static var idle: UnsafeRawPointer {
    let function: @convention(c) (Int, Input, Output) -> Void = { _, _, _ in }
    return pointer(function)
  }
}
