/// The light and dark colors of reports, and the styles of charts.
///
/// The palette is Okabe and Ito's, which is distinguishable with any color vision; lighter on a dark background.
enum ChartStyle {
  /// The number of colors. Further runs reuse them with another dash pattern.
  static let colorCount = 7

  /// The style sheet of charts, for a page or a standalone drawing.
  static var sheet: String {
    """
    :root { \(variables(light)) }
    @media (prefers-color-scheme: dark) { :root { \(variables(dark)) } }
    .chart { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
    .chart text { fill: var(--ink); }
    .chart .tick { fill: var(--quiet); font-variant-numeric: tabular-nums; }
    .chart .grid { stroke: var(--grid); stroke-width: 1; }
    .chart .mark { stroke: var(--quiet); }
    .chart .zero { stroke: var(--zero); stroke-width: 1.2; }
    .chart .level { stroke: var(--quiet); stroke-width: 1.2; stroke-dasharray: 3 3; }
    .chart .leader { stroke: var(--grid); stroke-width: 1; }
    .chart .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
    .chart .dot { stroke: none; }
    .chart .label { font-weight: 600; }
    .chart .label.quiet { fill: var(--quiet); font-weight: 400; }
    .chart .label .value { fill: var(--quiet); font-weight: 400; font-variant-numeric: tabular-nums; }
    .chart .title { font-size: 15px; font-weight: 650; }
    .chart .caption { fill: var(--quiet); }
    .chart .ground { fill: var(--ground); }
    .chart .plane { fill: var(--ground); }
    .chart .border { fill: none; stroke: var(--zero); }
    .chart .contour { fill: none; stroke: var(--zero); stroke-width: 1; opacity: 0.8; }
    .chart .down { fill: var(--c1); opacity: 0.2; }
    .chart .still { fill: var(--quiet); opacity: 0.14; }
    .chart .stillline { fill: none; stroke: var(--ink); stroke-width: 2.4; stroke-dasharray: 1 5; stroke-linecap: round; }
    .chart .arrow { fill: none; stroke-width: 1.3; }
    .chart .free { fill: none; stroke: var(--ink); stroke-width: 2.4; stroke-dasharray: 8 5; }
    .chart .freehead { fill: var(--ink); }
    .chart .fixed { fill: var(--ink); stroke: var(--ground); stroke-width: 2; }
    .chart .unstable, .chart .start { fill: var(--ground); stroke: var(--ink); stroke-width: 1.6; }
    .chart .halo { stroke: var(--ground); stroke-width: 4; paint-order: stroke; stroke-linejoin: round; }
    .chart .axis { font-weight: 600; }
    .chart .aid { font-size: 12.5px; }

    """ + (0..<colorCount).map(rules).joined(separator: "\n")
  }

  private static func rules(_ color: Int) -> String {
    """
    .chart .line.c\(color), .chart .arrow.c\(color) { stroke: var(--c\(color)); }
    .chart .dot.c\(color), .chart .head.c\(color), .chart .label.c\(color) { fill: var(--c\(color)); }
    """
  }

  private static func variables(_ colors: Colors) -> String {
    let named = [
      ("ground", colors.ground), ("panel", colors.panel), ("ink", colors.ink), ("quiet", colors.quiet),
      ("grid", colors.grid),
      ("zero", colors.zero),
    ]
    let lines = colors.lines.enumerated().map { ("c\($0.offset)", $0.element) }
    return (named + lines).map { "--\($0.0): \($0.1);" }.joined(separator: " ")
  }

  private struct Colors {
    var ground, panel, ink, quiet, grid, zero: String
    var lines: [String]
  }

  private static let light = Colors(
    ground: "#ffffff", panel: "#f7f8fa", ink: "#1b1f24", quiet: "#5c6670", grid: "#e3e6ea", zero: "#8a939d",
    lines: ["#0072b2", "#d55e00", "#00805d", "#a8437f", "#8a6d00", "#2f8fc9", "#3b3f46"])
  private static let dark = Colors(
    ground: "#14171b", panel: "#1c2026", ink: "#e8ebef", quiet: "#9aa4af", grid: "#2c323a", zero: "#6c7681",
    lines: ["#56b4e9", "#ff8f4a", "#35cf9f", "#e594c2", "#e9c53c", "#8fd0f5", "#c6ccd3"])
}
