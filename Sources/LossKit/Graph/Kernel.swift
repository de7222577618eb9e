import CLossKitKernels

extension Operation {
  /// The kernel that does it for rows.
  var kernel: UInt32 {
    let kernel =
      switch self {
      case .add: LOSSKIT_KERNEL_ADD
      case .subtract: LOSSKIT_KERNEL_SUBTRACT
      case .multiply: LOSSKIT_KERNEL_MULTIPLY
      case .divide: LOSSKIT_KERNEL_DIVIDE
      case .minimum: LOSSKIT_KERNEL_MINIMUM
      case .maximum: LOSSKIT_KERNEL_MAXIMUM
      case .annihilate: LOSSKIT_KERNEL_ANNIHILATE
      case .negate: LOSSKIT_KERNEL_NEGATE
      case .exp: LOSSKIT_KERNEL_EXP
      case .expm1: LOSSKIT_KERNEL_EXPM1
      case .log: LOSSKIT_KERNEL_LOG
      case .log1p: LOSSKIT_KERNEL_LOG1P
      case .sqrt: LOSSKIT_KERNEL_SQRT
      case .tanh: LOSSKIT_KERNEL_TANH
      case .sigmoid: LOSSKIT_KERNEL_SIGMOID
      case .logSigmoid: LOSSKIT_KERNEL_LOG_SIGMOID
      case .softplus: LOSSKIT_KERNEL_SOFTPLUS
      case .log1mexp: LOSSKIT_KERNEL_LOG1MEXP
      case .abs: LOSSKIT_KERNEL_ABS
      case .square: LOSSKIT_KERNEL_SQUARE
      case .relu: LOSSKIT_KERNEL_RELU
      case .floor: LOSSKIT_KERNEL_FLOOR
      case .sign: LOSSKIT_KERNEL_SIGN
      case .select: LOSSKIT_KERNEL_SELECT
      case .clamp: LOSSKIT_KERNEL_CLAMP
      case .expNegativeAbs: LOSSKIT_KERNEL_EXP_NEGATIVE_ABS
      case .sigmoidFrom: LOSSKIT_KERNEL_SIGMOID_FROM
      case .sigmoidOfNegativeFrom: LOSSKIT_KERNEL_SIGMOID_OF_NEGATIVE_FROM
      case .logSigmoidFrom: LOSSKIT_KERNEL_LOG_SIGMOID_FROM
      case .softplusFrom: LOSSKIT_KERNEL_SOFTPLUS_FROM
      case .softplusOfNegativeFrom: LOSSKIT_KERNEL_SOFTPLUS_OF_NEGATIVE_FROM
      default: LOSSKIT_KERNEL_COPY
      }
    return UInt32(kernel)
  }
}
