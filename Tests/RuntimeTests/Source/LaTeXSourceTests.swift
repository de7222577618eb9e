import LossKit
import Testing

@testable import LossKitRuntime

@Suite struct LaTeXSourceTests {
  @Test func aLossWithItsDerivatives() throws {
    let text = try Objective("ipo(beta=0.25)", in: BuiltPlugins.registry()).exported(as: .latex)
    #expect(
      text == """
        % ipo(beta=0.25) @ log-ratio, written by LossKit.
        \\begin{align*}
          z &= \\log \\pi(y_{w}) - \\log \\pi_{\\mathrm{ref}}(y_{w}) - \\left(\\log \\pi(y_{l}) - \\log \\pi_{\\mathrm{ref}}(y_{l})\\right) - \\frac{1}{2 \\, \\tau} \\\\
          \\ell &= z^2 \\\\
          \\frac{\\partial \\ell}{\\partial \\log \\pi(y_{w})} &= 2 \\, z \\\\
          \\frac{\\partial \\ell}{\\partial \\log \\pi(y_{l})} &= -2 \\, z
        \\end{align*}
        % The values it was written with:
        with $\\tau = 0.25$.

        """)
  }

  @Test func noGradientGoesThroughWhatStopsIt() throws {
    let text = try Objective("kto", in: BuiltPlugins.registry()).exported(as: .latex)
    #expect(text.contains("\\operatorname{sg}"))
    #expect(!text.contains("partial \\mathrm{mismatched"))
  }
}
