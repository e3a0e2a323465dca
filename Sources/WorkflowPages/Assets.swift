private import OpenSSL

/// The style sheet and the scripts of the pages.
///
/// The name of each has the beginning of the SHA-256 of its content, so that browsers may keep it for good: another
/// content has another name. They are compressed once, when the first is asked for.
public struct Assets: Sendable {
  /// One file.
  public struct Asset: Sendable {
    /// Its name with the digest, such as `run.3f2a91c07b55.js`.
    public let name: String
    /// Its media type.
    public let type: String
    /// Its content.
    public let bytes: [UInt8]
    /// Its content in the gzip format; nil where it could not be compressed.
    public let compressed: [UInt8]?
    /// Its name in the source code, such as `run.js`.
    let source: String
  }

  /// All of them.
  public static let all = Assets()

  /// The path under which they are.
  public static let folder = "/workflow/assets/"

  /// Each file.
  public let files: [Asset]

  private init() {
    // A script comes after those that it imports.
    let sources: [(name: String, bytes: [UInt8])] = [
      ("wf.css", PackageResources.wf_css), ("layout.js", PackageResources.layout_js),
      ("state.js", PackageResources.state_js), ("graph.js", PackageResources.graph_js),
      ("timeline.js", PackageResources.timeline_js), ("json.js", PackageResources.json_js),
      ("refresh.js", PackageResources.refresh_js), ("run.js", PackageResources.run_js),
      ("runs.js", PackageResources.runs_js), ("submit.js", PackageResources.submit_js),
    ]
    var files: [Asset] = []
    for (name, bytes) in sources {
      // `from "./layout.js"` becomes `from "./layout.3f2a91c07b55.js"`.
      var text = String(decoding: bytes, as: UTF8.self)
      for file in files { text.replace("\"./\(file.source)\"", with: "\"./\(file.name)\"") }
      files.append(Asset(source: name, bytes: Array(text.utf8)))
    }
    self.files = files
  }

  /// The file of a name with its digest; nil when there is none.
  public func file(named name: String) -> Asset? {
    files.first { $0.name.utf8.elementsEqual(name.utf8) }
  }

  /// The path of a file by its name in the source code.
  func path(of source: String) -> String {
    guard let file = files.first(where: { $0.source == source }) else {
      preconditionFailure("there is no asset \(source)")
    }
    return Self.folder + file.name
  }
}

extension Assets.Asset {
  private static let digits = 12

  fileprivate init(source: String, bytes: [UInt8]) {
    let parts = source.split(separator: ".")
    let (stem, suffix) = (parts[0], parts[1])
    name = "\(stem).\(Digest.hex(Digest.sha256(bytes)).prefix(Self.digits)).\(suffix)"
    type = suffix == "css" ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8"
    self.source = source
    self.bytes = bytes
    compressed = Gzip.compressed(bytes, level: 9)
  }
}
