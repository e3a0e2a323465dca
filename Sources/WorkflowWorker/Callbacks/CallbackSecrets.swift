import LinuxSupport
import OpenSSL

/// What callbacks are signed with (`WF_CALLBACK_SECRET`), as Standard Webhooks has it: HMAC-SHA256 with each secret, so
/// that receivers can go over from one to the next.
public struct CallbackSecrets: Sendable, Equatable {
  private let keys: [[UInt8]]

  /// Bytes of a secret.
  private static let length = 24...64
  /// Secrets at most: the one in use, and those before or after it.
  private static let most = 4

  /// What a secret looks like, for messages.
  public static let forms = """
    whsec_ and the base64 of 24 to 64 random bytes are expected, or up to 4 of these separated by blanks; make one with: \
    echo "whsec_$(openssl rand -base64 32)"
    """

  /// Reads secrets, separated by blanks or commas; `whsec_` may be left out, as the libraries of receivers have it.
  public init?(_ text: String) {
    let words = text.split { $0 == "," || $0.isWhitespace }
    let keys = words.compactMap { Base64.bytes(of: $0.hasPrefix("whsec_") ? $0.dropFirst(6) : $0) }
    guard keys.count == words.count, (1...Self.most).contains(keys.count),
      keys.allSatisfy({ Self.length.contains($0.count) })
    else { return nil }
    self.keys = keys
  }

  /// The value of `webhook-signature`.
  /// - Parameters:
  ///   - id: has no `.`, which would make it ambiguous what is signed.
  ///   - timestamp: of the attempt, in seconds since 1970.
  func signature(id: String, timestamp: Int, body: [UInt8]) -> String {
    let message = Array("\(id).\(timestamp).".utf8) + body
    return keys.map { "v1," + Base64.text(of: Digest.hmacSHA256(message, key: $0)) }.joined(separator: " ")
  }
}
