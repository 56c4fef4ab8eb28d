"""Settings of the server and the store."""

from dataclasses import dataclass

from streamauth.core.settings import Section, fixed, setting


@dataclass(frozen=True)
class ServerSettings(Section):
    """The streaming server."""

    host: str = setting("127.0.0.1", "Address to listen on; others than loopback ones need an API key to exist")
    port: int = setting(8765, "Port to listen on; 0 takes a free one", low=0, high=65_535)
    max_sessions: int = setting(64, "Sessions at the same time", low=1, high=10_000)
    max_message_bytes: int = setting(262_144, "Largest message", unit="bytes", low=1024, high=16_777_216)
    max_queue_s: float = setting(30.0, "Audio that may wait to be worked on", unit="s", low=0.5, high=600)
    idle_timeout_s: float = setting(20.0, "Longest time without a message", unit="s", low=0.1, high=3600)
    max_session_s: float = setting(600.0, "Longest session, continuous ones excepted", unit="s", low=1, high=86_400)
    start_timeout_s: float = setting(
        10.0, "Longest time until a request or a start message", unit="s", low=0.1, high=600
    )
    max_messages_per_s: int = setting(
        1000, "Messages of one client, over three seconds", unit="1/s", low=10, high=100_000
    )
    call_timeout_s: float = setting(15.0, "Longest call of an engine", unit="s", low=0.1, high=600)
    max_upload_mb: float = setting(32.0, "Largest audio file sent by HTTP", unit="MB", low=0.001, high=4096)
    decoder_sandbox: bool = setting(True, "Decode all files but WAV of plain PCM in a confined process (Linux)")
    decoder_memory_mb: float = setting(512.0, "Memory of a decoder in its process", unit="MB", low=32, high=16_384)
    decoder_step_s: float = fixed(
        10.0, "Longest time until a decoder's next samples; its processor time for a minute of audio", unit="s"
    )
    max_json_kb: float = setting(64.0, "Largest JSON body sent by HTTP", unit="KiB", low=1, high=1024)
    max_idle_connections: int = setting(
        256, "Idle connections; where there are more, the oldest one is closed", low=1, high=100_000
    )
    connections_per_address: int = setting(
        128, "Connections of one address; where there are more, its oldest idle one is closed", low=1, high=100_000
    )
    tls_handshake_s: float = setting(5.0, "Longest TLS handshake", unit="s", low=0.1, high=60)
    tls_certificate: str = setting("", "File of the certificate chain (PEM); empty means no TLS")
    tls_key: str = setting("", "File of the certificate's private key (PEM); empty means in the same file")
    tls_client_authorities: str = setting(
        "", "File of certificates (PEM): only devices that show one signed by these may connect; empty asks for none"
    )
    trusted_proxies: str = setting(
        "", "Addresses or networks of reverse proxies whose X-Forwarded-For is believed, separated by commas"
    )
    workers: int = setting(1, "Processes that share the address; each loads its own models", low=1, high=256)
    engine_threads: int = setting(2, "Threads of each process that run the engines", low=1, high=256)
    shutdown_grace_s: float = setting(5.0, "Time that running sessions get at shutdown", unit="s", low=0, high=600)


@dataclass(frozen=True)
class StoreSettings(Section):
    """Where profiles are kept and how they are sealed."""

    url: str = setting("", "SQLAlchemy URL of the store; empty means streamauth.db in the data folder")
    key_file: str = setting(
        "",
        "File of the sealing key; empty means sealing.key, in the folder of settings beside the usual data folder, or "
        "in a data folder that was chosen",
    )
    key_command: str = setting("", "Command that prints the sealing key, such as a key service's")
    version_file: str = setting(
        "", "File that remembers how far the store has come; empty means beside the sealing key's file"
    )
    refuse_older: bool = setting(True, "An older copy of the store than this machine has seen is not opened")
    refuse_exposed: bool = setting(
        True, "A store whose files other users can read or write, or whose folder they can write, is not opened"
    )
    busy_timeout_s: float = setting(10.0, "Longest wait for another process's write", unit="s", low=0, high=600)
