private import OpenSSL

/// A key of the API, as the keys file has it: whose it is, its digest, and what it allows. The key itself is nowhere.
public struct AccessKey: Sendable, Equatable {
  /// What a key allows.
  public enum Role: String, Sendable, CaseIterable {
    /// To submit runs, and all that its name has.
    case user
    /// To look at what its name has, and to change nothing.
    case read
    /// To see and change everything, whoever it belongs to.
    case admin
  }

  /// What the requests of a name may take; nil where nothing limits them. They are those of the key that a request has;
  /// what is used is counted by name.
  public struct Limits: Sendable, Equatable {
    /// Requests a second.
    public var requests: Int?
    /// Runs that are queued or started.
    public var runs: Int?
    /// Bytes of runs that are stored.
    public var bytes: Int?
    /// What calls of models may cost in a day (UTC), in billionths of the unit of the models' prices.
    public var costDay: Int?

    /// Limits.
    public init(requests: Int? = nil, runs: Int? = nil, bytes: Int? = nil, costDay: Int? = nil) {
      self.requests = requests
      self.runs = runs
      self.bytes = bytes
      self.costDay = costDay
    }
  }

  /// Whose key it is; several keys may have one name.
  public let name: String
  /// The key's SHA-256.
  public let digest: [UInt8]
  /// What it allows.
  public let role: Role
  /// What its requests may take.
  public let limits: Limits

  /// A key of a name.
  /// - Parameter secret: the key itself, of which only the digest is kept.
  public init(name: String, secret: String, role: Role = .user, limits: Limits = Limits()) {
    self.init(name: name, digest: Digest.sha256(Array(secret.utf8)), role: role, limits: limits)
  }

  /// A key of a name, by its digest.
  init(name: String, digest: [UInt8], role: Role, limits: Limits) {
    self.name = name
    self.digest = digest
    self.role = role
    self.limits = limits
  }

  /// A new key: 160 random bits behind `wf_`, by which programs that look for lost secrets know it.
  public static func newSecret() -> String {
    var generator = SystemRandomNumberGenerator()
    return "wf_" + Digest.hex((0..<20).map { _ in UInt8.random(in: 0...255, using: &generator) })
  }

  /// The digest in hexadecimal.
  public var digestText: String { Digest.hex(digest) }

  /// Whether a text may be a name: it is written in logs, in Redis, and before a slash.
  public static func isValidName(_ text: String) -> Bool {
    guard (1...64).contains(text.utf8.count), text.utf8.first != UInt8(ascii: "-") else { return false }
    return text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
        true
      default: false
      }
    }
  }

  /// What a name looks like, as a regular expression.
  public static let namePattern = "^[A-Za-z0-9_.][A-Za-z0-9_.-]{0,63}$"

  /// What a name must be.
  public static let nameRule = "1 to 64 ASCII letters, digits, _, - and ., not - first"
}
