import Hiredis
import WorkflowStore

/// Where Redis is, and what is kept there.
extension Settings {
  /// The address of Redis with its logins and its TLS; nil when it cannot be read.
  static func redis(_ reader: inout SettingsReader) -> RedisAddress? {
    let text = reader.text("REDIS_URL", default: "redis://127.0.0.1:6379/0") ?? ""
    let passwordFile = reader.text("REDIS_PASSWORD_FILE")
    let tls = tls(&reader)
    let sentinelLogin = sentinelLogin(&reader)
    do {
      var address = try RedisAddress(text)
      let hasPassword = address.password != nil
      if hasPassword, passwordFile != nil {
        reader.refuse(
          "REDIS_PASSWORD_FILE", "REDIS_URL has a password and REDIS_PASSWORD_FILE is set: keep one of them")
      }
      address.passwordFile = passwordFile ?? (hasPassword ? nil : reader.credential("redis_password"))
      address.sentinelLogin = sentinelLogin
      if address.tls != nil { address.tls = tls } else { refuseTLS(&reader) }
      reader.show("REDIS_URL", as: "\(address)")
      return address
    } catch {
      reader.show("REDIS_URL", as: "(invalid)")
      reader.refuse("REDIS_URL", "REDIS_URL\(reader.place(of: "REDIS_URL")): \(error)")
      return nil
    }
  }

  /// The login at sentinels, which is used with a redis+sentinel address only.
  private static func sentinelLogin(_ reader: inout SettingsReader) -> RedisAddress.Login {
    let login = RedisAddress.Login(
      user: reader.text("REDIS_SENTINEL_USERNAME"),
      password: reader.text("REDIS_SENTINEL_PASSWORD", isSecret: true),
      passwordFile: reader.text("REDIS_SENTINEL_PASSWORD_FILE"))
    if login.password != nil, login.passwordFile != nil {
      reader.refuse(
        "REDIS_SENTINEL_PASSWORD",
        "REDIS_SENTINEL_PASSWORD and REDIS_SENTINEL_PASSWORD_FILE are both set: keep one of them")
    }
    if login.user != nil, login.password == nil, login.passwordFile == nil {
      reader.refuse(
        "REDIS_SENTINEL_USERNAME",
        "REDIS_SENTINEL_USERNAME is set without a password: set REDIS_SENTINEL_PASSWORD or REDIS_SENTINEL_PASSWORD_FILE"
      )
    }
    return login
  }

  /// Refuses what cannot work in a Redis Cluster, whose servers place keys by the text in the first braces of their
  /// name: the keys of a partition must have the same there, and those of others something else.
  static func refuseForCluster(_ reader: inout SettingsReader, prefix: String, partitions: Int) {
    if partitions == 1, RedisAddress.hashTag(of: prefix) == nil {
      reader.refuse(
        "WF_PARTITIONS",
        """
        REDIS_URL is that of a Redis Cluster: set WF_PARTITIONS to 2 or more, so that the nodes share the runs, or \
        WF_KEY_PREFIX to one with a word in braces, such as {wf}:, and all runs are on one node
        """)
    }
    if partitions > 1, prefix.utf8.contains(where: { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: "}") }) {
      reader.refuse(
        "WF_KEY_PREFIX",
        """
        WF_KEY_PREFIX\(reader.place(of: "WF_KEY_PREFIX")) has braces: in a Redis Cluster they would decide where all \
        partitions are; take them away, or set WF_PARTITIONS=1
        """)
    }
  }

  /// How long things are kept, how much of them, and how safely.
  static func limits(_ reader: inout SettingsReader) -> RunStore.Limits {
    var limits = RunStore.Limits(
      retain: reader.integer("WF_RETAIN_S", default: 604_800, in: 1...31_536_000),
      storeItems: reader.integer("WF_STORE_MAX_ITEMS", default: 10_000, in: 1...10_000_000))
    limits.replicas = reader.integer("WF_WAIT_REPLICAS", default: 0, in: 0...16)
    return limits
  }

  /// The files for TLS. They are read for every connection, so what is wrong with them is said there.
  private static func tls(_ reader: inout SettingsReader) -> RedisTLS {
    var tls = RedisTLS()
    tls.authorities = reader.text("REDIS_TLS_CA_FILE")
    tls.certificate = reader.text("REDIS_TLS_CERT_FILE")
    tls.key = reader.text("REDIS_TLS_KEY_FILE")
    if tls.certificate != nil, tls.key == nil { tls.key = reader.credentialFile("redis_tls_key") }
    if tls.certificate != nil, tls.key == nil {
      reader.refuse(
        "REDIS_TLS_CERT_FILE", "REDIS_TLS_CERT_FILE is set without REDIS_TLS_KEY_FILE: set both or none of them")
    }
    if tls.certificate == nil, tls.key != nil {
      reader.refuse(
        "REDIS_TLS_KEY_FILE", "REDIS_TLS_KEY_FILE is set without REDIS_TLS_CERT_FILE: set both or none of them")
    }
    return tls
  }

  /// An operator who sets one of the files expects TLS.
  private static func refuseTLS(_ reader: inout SettingsReader) {
    for name in ["REDIS_TLS_CA_FILE", "REDIS_TLS_CERT_FILE", "REDIS_TLS_KEY_FILE"] where reader.isSet(name) {
      reader.refuse(
        name,
        "\(name)\(reader.place(of: name)) is set, but REDIS_URL has no TLS: write rediss:// there, or take \(name) away"
      )
    }
  }
}
