import type { types } from "mediasoup-client";
import type { Kind, Permissions, Room, Source } from "./types.ts";

export interface RemoteProducer {
  id: string;
  kind: Kind;
  source: Source;
  paused: boolean;
}

export interface RemotePeer {
  id: string;
  displayName?: string | null;
  producers?: RemoteProducer[];
}

export interface Joined {
  participantId: string;
  room: Room;
  permissions: Permissions;
  peers: RemotePeer[];
}

export interface TransportParameters {
  id: string;
  iceParameters: types.IceParameters;
  iceCandidates: types.IceCandidate[];
  dtlsParameters: types.DtlsParameters;
}

export interface ConsumerParameters {
  id: string;
  producerId: string;
  peerId: string;
  kind: Kind;
  rtpParameters: types.RtpParameters;
  producerPaused: boolean;
  source: Source;
}

/** Whose turn it is in a slot; nobody's: all null. */
export interface Turn {
  producerId: string | null;
  peerId: string | null;
  source: Source | null;
  scalabilityMode?: string | null;
}

export interface SlotParameters extends Turn {
  /** Of the consumer. */
  id: string;
  kind: Kind;
  rtpParameters: types.RtpParameters;
}

/** Requests of the client: what is sent, what is answered. */
export interface Requests {
  getRouterRtpCapabilities: [Record<string, never>, types.RtpCapabilities];
  join: [{ rtpCapabilities: types.RtpCapabilities; displayName?: string }, Joined];
  createWebRtcTransport: [{ direction: "send" | "recv" }, TransportParameters];
  connectWebRtcTransport: [{ transportId: string; dtlsParameters: types.DtlsParameters }, unknown];
  restartIce: [{ transportId: string }, { iceParameters: types.IceParameters }];
  produce: [
    { transportId: string; kind: Kind; rtpParameters: types.RtpParameters; source: Source; paused: boolean },
    { id: string },
  ];
  pauseProducer: [{ producerId: string }, unknown];
  resumeProducer: [{ producerId: string }, unknown];
  closeProducer: [{ producerId: string }, unknown];
  consume: [{ transportId: string; producerId: string; paused: boolean }, ConsumerParameters];
  pauseConsumer: [{ consumerId: string }, unknown];
  setConsumerPreferredLayers: [{ consumerId: string; spatialLayer: number; temporalLayer?: number }, unknown];
  openSlots: [
    { transportId: string; audio: number; video: number; follow: boolean; paused: boolean },
    { slots: SlotParameters[] },
  ];
  resumeConsumer: [{ consumerId: string }, unknown];
  closeConsumer: [{ consumerId: string }, unknown];
  leave: [Record<string, never>, unknown];
}

/** Notifications of the server. */
export type Notifications = {
  peerJoined: [RemotePeer];
  peerLeft: [{ id: string; reason?: string }];
  producerAdded: [RemoteProducer & { peerId: string }];
  producerPaused: [{ peerId: string; id: string }];
  producerResumed: [{ peerId: string; id: string }];
  producerClosed: [{ peerId: string; id: string }];
  consumerClosed: [{ consumerId: string; reason?: string }];
  layersChanged: [{ consumerId: string; spatialLayer: number | null; temporalLayer: number | null }];
  consumerScore: [{ consumerId: string; score: number }];
  wantedLayers: [{ producerId: string; layers: number[] }];
  slotChanged: [Turn & { consumerId: string }];
  activeSpeaker: [{ peerId: string | null }];
  roomClosed: [{ reason?: string }];
};
