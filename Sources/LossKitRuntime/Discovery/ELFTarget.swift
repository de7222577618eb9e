#if os(Linux)
  /// The machine architecture of a shared library.
  struct ELFTarget: Equatable {
    var bits: Int
    var isLittleEndian: Bool
    var machine: UInt16

    /// The architecture of this program, if its name is known.
    static var host: ELFTarget? {
      #if arch(x86_64)
        ELFTarget(bits: 64, isLittleEndian: true, machine: 62)
      #elseif arch(arm64)
        ELFTarget(bits: 64, isLittleEndian: true, machine: 183)
      #elseif arch(riscv64)
        ELFTarget(bits: 64, isLittleEndian: true, machine: 243)
      #else
        nil
      #endif
    }

    var name: String {
      let machines: [UInt16: String] = [
        3: "x86", 8: "MIPS", 20: "PowerPC", 21: "PowerPC 64", 22: "S/390", 40: "ARM", 62: "x86-64", 183: "AArch64",
        243: "RISC-V", 258: "LoongArch",
      ]
      let base = machines[machine] ?? "machine \(machine)"
      let known = ELFTarget.host.map { bits == $0.bits && isLittleEndian == $0.isLittleEndian } ?? true
      return known ? base : "\(base), \(bits) bits, \(isLittleEndian ? "little" : "big")-endian"
    }
  }
#endif
