// Every actor's interface on one page: what it takes and what it answers. Handles are typed, so a
// message nobody takes does not compile. Spawn functions are below their interface; each actor's
// file begins with what it keeps and why. Only actors/*.cc include this (CAF is slow to compile).
//
//   clients ─┐              ┌─> journal (store)
//   workers ─┴ broker_link ─┼─> queue ─┬─> retry ──┐
//                 ^ │ │     ^          ├─> dead_letter, blobs
//                 │ │ └─> streams <────┤           │
//                 │ └─> reader ─┘      │           │
//                 └─────────┴──────────┴───────────┘         queue ─> telemetry
//
//   broker ── session ──> executor ──> cells ──> streamer ──> session
//                  ^──────── transfers (blobs)
#pragma once

#include <caf/all.hpp>
#include <functional>
#include <map>
#include <memory>

#include "actors/broker_node.h"
#include "actors/cell_host.h"
#include "actors/messages.h"
#include "actors/worker_node.h"
#include "config/languages.h"

namespace kiln::actors {

using TickAtom = caf::atom_constant<caf::atom("tick")>;
using StopAtom = caf::atom_constant<caf::atom("stop")>;    // finish what was taken, then end
using DrainAtom = caf::atom_constant<caf::atom("drain")>;  // worker: take nothing new
using StepAtom = caf::atom_constant<caf::atom("step")>;    // to itself: the next piece
using LinkUpAtom = caf::atom_constant<caf::atom("linkup")>;

// Where the others are now. The supervisor tells every actor when it has started them, and again
// when it has started one of them anew: what was sent to the old one in between is lost, and each
// actor mends what that means for it.
struct BrokerWiring;
struct WorkerWiring;

// --- broker
// ---------------------------------------------------------------------------------------

using JournalActor = caf::typed_actor<caf::replies_to<CommitBatch>::with<CommitDone>,
                                      caf::replies_to<Reload>::with<Loaded>>;
using QueueActor =
    caf::typed_actor<caf::reacts_to<BrokerWiring>, caf::replies_to<LoadFirst>::with<LoadDone>,
                     caf::reacts_to<CommandBatch>, caf::replies_to<SampleRequest>::with<Sample>,
                     caf::reacts_to<TickAtom>, caf::reacts_to<StopAtom>>;
using BrokerLinkActor = caf::typed_actor<caf::reacts_to<BrokerWiring>, caf::reacts_to<InboundBatch>,
                                         caf::reacts_to<PeerLost>, caf::reacts_to<EffectBatch>,
                                         caf::reacts_to<AnswerBatch>, caf::reacts_to<ClientEvents>>;
using ReaderActor = caf::typed_actor<caf::reacts_to<BrokerWiring>, caf::reacts_to<ReadBatch>>;
using StreamsActor =
    caf::typed_actor<caf::reacts_to<BrokerWiring>, caf::reacts_to<WatchAgain>,
                     caf::reacts_to<StreamBatch>, caf::reacts_to<WorkerOutputBatch>>;
using RetryActor = caf::typed_actor<caf::reacts_to<BrokerWiring>, caf::reacts_to<ScheduleBatch>,
                                    caf::reacts_to<TickAtom>>;
using DeadLetterActor = caf::typed_actor<caf::reacts_to<BrokerWiring>, caf::reacts_to<DeadBatch>,
                                         caf::reacts_to<LetterRequest>>;
using BlobsActor = caf::typed_actor<caf::reacts_to<BrokerWiring>, caf::reacts_to<BlobRequests>,
                                    caf::reacts_to<SubmitWithBlobs>, caf::reacts_to<StepAtom>>;
using TelemetryActor = caf::typed_actor<caf::reacts_to<FactBatch>>;
using BrokerSupervisor =
    caf::typed_actor<caf::replies_to<StartBroker>::with<Listening>,
                     caf::replies_to<SampleRequest>::with<Sample>, caf::reacts_to<StartChild>,
                     caf::replies_to<CrashChild>::with<bool>, caf::reacts_to<StopAtom>>;

struct BrokerWiring {
  JournalActor journal;
  QueueActor queue;
  BrokerLinkActor link;
  ReaderActor reader;
  StreamsActor streams;
  RetryActor retry;
  DeadLetterActor dead_letter;
  BlobsActor blobs;
  TelemetryActor telemetry;
};

// The broker's sockets and its readers of the store outlive the actors that use them.
class BrokerSockets;
using SharedReader = std::shared_ptr<store::Reader>;

// Without a store it opens one when it is first asked to load.
JournalActor spawn_journal(caf::actor_system& system, std::unique_ptr<store::Store> store,
                           StoreOpener open, BrokerInsight insight);
QueueActor spawn_queue(caf::actor_system& system, SharedReader reader, core::CacheOptions cache,
                       BrokerInsight insight);
BrokerLinkActor spawn_broker_link(caf::actor_system& system, SharedReader reader,
                                  std::shared_ptr<BrokerSockets> sockets,
                                  config::Languages languages);
ReaderActor spawn_reader(caf::actor_system& system, SharedReader reader);
StreamsActor spawn_streams(caf::actor_system& system);
RetryActor spawn_retry(caf::actor_system& system);
// `alert_command`: see BrokerOptions.
DeadLetterActor spawn_dead_letter(caf::actor_system& system, SharedReader reader,
                                  std::string alert_command);
// `space`: bytes that a tenant's blobs may take.
BlobsActor spawn_blobs(caf::actor_system& system, SharedReader reader, uint64_t space);
TelemetryActor spawn_telemetry(caf::actor_system& system, std::shared_ptr<metrics::Broker> counted);
BrokerSupervisor spawn_broker_supervisor(caf::actor_system& system, BrokerOptions options,
                                         std::function<void(Error)> on_fatal);

// --- worker
// ---------------------------------------------------------------------------------------

using StreamerActor = caf::typed_actor<caf::reacts_to<WorkerWiring>, caf::reacts_to<StreamOpened>,
                                       caf::reacts_to<CellOutput>, caf::reacts_to<WatchCell>,
                                       caf::replies_to<CellClosed>::with<bool>>;
using ExecutorActor = caf::typed_actor<caf::reacts_to<WorkerWiring>, caf::reacts_to<RunTask>,
                                       caf::reacts_to<StopTask>, caf::reacts_to<WatchChange>,
                                       caf::reacts_to<CellStarted>, caf::reacts_to<CellFinished>,
                                       caf::reacts_to<BlobsFetched>, caf::reacts_to<BlobsStored>>;
using TransfersActor = caf::typed_actor<caf::reacts_to<WorkerWiring>, caf::reacts_to<FetchBlobs>,
                                        caf::reacts_to<StoreBlobs>, caf::reacts_to<DropBlobs>,
                                        caf::reacts_to<BlobAnswers>, caf::reacts_to<TickAtom>>;
using SessionActor =
    caf::typed_actor<caf::reacts_to<WorkerWiring>, caf::replies_to<OpenLink>::with<LinkOpened>,
                     caf::reacts_to<LinkUpAtom>, caf::reacts_to<FromBrokerBatch>,
                     caf::reacts_to<TaskStarted>, caf::reacts_to<TaskFinished>,
                     caf::reacts_to<OutputBatch>, caf::reacts_to<BlobMessages>,
                     caf::reacts_to<TickAtom>, caf::reacts_to<DrainAtom>>;
using WorkerSupervisor =
    caf::typed_actor<caf::replies_to<OpenLink>::with<LinkOpened>, caf::reacts_to<StartChild>,
                     caf::replies_to<CrashChild>::with<bool>, caf::reacts_to<DrainAtom>,
                     caf::reacts_to<StopAtom>>;

struct WorkerWiring {
  SessionActor session;
  ExecutorActor executor;
  StreamerActor streamer;
  TransfersActor transfers;
};

// The languages of a worker, and their versions where they were found.
struct WorkerLanguages {
  config::Languages offered;
  std::map<std::string, std::string> versions;  // by the language's name
};
ExecutorActor spawn_executor(caf::actor_system& system, std::shared_ptr<CellHost> cells,
                             WorkerLanguages languages);
StreamerActor spawn_streamer(caf::actor_system& system);
TransfersActor spawn_transfers(caf::actor_system& system);
SessionActor spawn_session(caf::actor_system& system, core::WorkerOptions options,
                           std::function<void()> on_left, WorkerInsight insight);
// What a worker is made of.
struct WorkerParts {
  std::shared_ptr<CellHost> cells;
  WorkerLanguages languages;
  core::WorkerOptions session;
  WorkerInsight insight;
};
WorkerSupervisor spawn_worker_supervisor(caf::actor_system& system, WorkerParts parts,
                                         WorkerHandlers handlers);

}  // namespace kiln::actors

// Messages stay within the process (messages.h).
#define KILN_LOCAL(name) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(kiln::actors::name)
KILN_LOCAL(InboundBatch)
KILN_LOCAL(PeerLost)
KILN_LOCAL(CommandBatch)
KILN_LOCAL(CommitBatch)
KILN_LOCAL(CommitDone)
KILN_LOCAL(Reload)
KILN_LOCAL(Loaded)
KILN_LOCAL(LoadFirst)
KILN_LOCAL(LoadDone)
KILN_LOCAL(Listening)
KILN_LOCAL(EffectBatch)
KILN_LOCAL(ClientEvents)
KILN_LOCAL(WatchAgain)
KILN_LOCAL(StreamBatch)
KILN_LOCAL(WorkerOutputBatch)
KILN_LOCAL(OutputBatch)
KILN_LOCAL(ReadBatch)
KILN_LOCAL(AnswerBatch)
KILN_LOCAL(ScheduleBatch)
KILN_LOCAL(DeadBatch)
KILN_LOCAL(LetterRequest)
KILN_LOCAL(FactBatch)
KILN_LOCAL(SampleRequest)
KILN_LOCAL(Sample)
KILN_LOCAL(StartBroker)
KILN_LOCAL(BrokerWiring)
KILN_LOCAL(StartChild)
KILN_LOCAL(CrashChild)
KILN_LOCAL(OpenLink)
KILN_LOCAL(LinkOpened)
KILN_LOCAL(FromBrokerBatch)
KILN_LOCAL(RunTask)
KILN_LOCAL(StopTask)
KILN_LOCAL(WatchChange)
KILN_LOCAL(WatchCell)
KILN_LOCAL(StreamOpened)
KILN_LOCAL(CellStarted)
KILN_LOCAL(CellFinished)
KILN_LOCAL(CellOutput)
KILN_LOCAL(TaskStarted)
KILN_LOCAL(TaskFinished)
KILN_LOCAL(WorkerWiring)
KILN_LOCAL(CellClosed)
KILN_LOCAL(BlobRequests)
KILN_LOCAL(SubmitWithBlobs)
KILN_LOCAL(FetchBlobs)
KILN_LOCAL(BlobsFetched)
KILN_LOCAL(StoreBlobs)
KILN_LOCAL(BlobsStored)
KILN_LOCAL(DropBlobs)
KILN_LOCAL(BlobAnswers)
KILN_LOCAL(BlobMessages)
#undef KILN_LOCAL
