// The store in memory. Its contents are shared by the store and its readers under one mutex. A
// batch is applied write by write; before each write the task it touches is put aside, and a write
// that fails puts them all back.
#include <algorithm>
#include <iterator>
#include <map>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "store/batch_rules.h"
#include "store/store.h"

namespace kiln::store {
namespace {

using model::TaskRow;

struct Entry {
  TaskRow row;
  model::Bytes program;
  model::Bytes result;
  std::vector<model::TaskEvent> events;
  model::BlobRefs program_blobs = {};
  model::BlobRefs result_blobs = {};
};

struct BlobEntry {
  StoredBlob blob;
  std::map<uint64_t, model::Bytes> chunks;  // by offset
};
using BlobKey = std::pair<std::string, Sha256>;  // tenant, hash

bool refers(const Entry& entry, const BlobKey& key) {
  if (entry.row.tenant != key.first) return false;
  const auto is_it = [&](const model::BlobRef& ref) { return ref.sha256 == key.second; };
  return std::ranges::any_of(entry.program_blobs, is_it) ||
         std::ranges::any_of(entry.result_blobs, is_it);
}

bool same_key(const TaskRow& a, const TaskRow& b) {
  return a.id == b.id && a.seq == b.seq && a.tenant == b.tenant && a.queue == b.queue;
}

bool matches(const TaskRow& row, const ListFilter& filter) {
  return (filter.tenant.empty() || row.tenant == filter.tenant) &&
         (!filter.queue || row.queue == *filter.queue) &&
         (!filter.state || row.state == *filter.state) &&
         (!filter.verdict || row.verdict == *filter.verdict) &&
         !(filter.not_requeued && row.requeued_as);
}

bool cacheable(const Entry& entry, WallTime finished_since) {
  const TaskRow& row = entry.row;
  return row.state == model::TaskState::succeeded && row.cache && !row.result_of &&
         entry.result != nullptr && row.finished_at && *row.finished_at >= finished_since;
}

class Contents {
 public:
  Boot start_boot() {
    const std::lock_guard lock(mutex_);
    return Boot{++boot_, last_seq_};
  }

  std::vector<TaskRow> live() const {
    const std::lock_guard lock(mutex_);
    std::vector<TaskRow> rows;
    for (const auto& [seq, entry] : entries_) {
      if (!model::is_terminal(entry.row.state)) rows.push_back(entry.row);
    }
    return rows;
  }

  std::vector<model::QueueSettings> queues() const {
    const std::lock_guard lock(mutex_);
    std::vector<model::QueueSettings> out;
    for (const auto& [name, settings] : queues_) out.push_back(settings);
    return out;
  }

  std::vector<TaskRow> cached(WallTime finished_since, size_t limit) const {
    const std::lock_guard lock(mutex_);
    std::vector<TaskRow> rows;
    for (const auto& [seq, entry] : entries_) {
      if (cacheable(entry, finished_since)) rows.push_back(entry.row);
    }
    std::ranges::stable_sort(rows, {}, &TaskRow::finished_at);
    if (rows.size() > limit) rows.erase(rows.begin(), rows.end() - static_cast<ptrdiff_t>(limit));
    return rows;
  }

  std::map<std::string, uint64_t> dead() const {
    const std::lock_guard lock(mutex_);
    std::map<std::string, uint64_t> counts;
    for (const auto& [seq, entry] : entries_) {
      const TaskRow& row = entry.row;
      if (row.state == model::TaskState::dead && !row.requeued_as) ++counts[row.queue];
    }
    return counts;
  }

  Status commit(const model::Writes& writes) {
    const std::lock_guard lock(mutex_);
    const uint64_t old_last_seq = last_seq_;
    undo_.clear();
    undo_blobs_.clear();
    old_queues_.reset();
    for (const model::Write& write : writes) {
      Status done = std::visit([this](const auto& w) { return apply(w); }, write);
      if (done) continue;
      last_seq_ = old_last_seq;
      put_back();
      return done;
    }
    return {};
  }

  model::Bytes result(const TaskId& id) const {
    const std::lock_guard lock(mutex_);
    const Entry* entry = find(id);
    if (entry != nullptr && entry->row.result_of) entry = find(*entry->row.result_of);
    return entry == nullptr ? nullptr : entry->result;
  }

  // Calls `use` with the entry, or with nullptr, under the lock.
  template <class Use>
  auto with(const TaskId& id, Use use) const {
    const std::lock_guard lock(mutex_);
    return use(find(id));
  }

  std::optional<StoredBlob> find_blob(const BlobKey& key) const {
    const std::lock_guard lock(mutex_);
    const auto known = blobs_.find(key);
    return known == blobs_.end() ? std::nullopt : std::optional(known->second.blob);
  }

  model::Bytes read_blob(const BlobKey& key, uint64_t offset) const {
    const std::lock_guard lock(mutex_);
    const auto known = blobs_.find(key);
    if (known == blobs_.end()) return nullptr;
    const auto chunk = known->second.chunks.find(offset);
    return chunk == known->second.chunks.end() ? nullptr : chunk->second;
  }

  BlobUsage blob_usage(const std::string& tenant) const {
    const std::lock_guard lock(mutex_);
    BlobUsage usage;
    for (const auto& [key, entry] : blobs_) {
      if (key.first != tenant) continue;
      ++usage.blobs;
      usage.bytes += entry.blob.state.blob.size;
    }
    return usage;
  }

  std::vector<StoredBlob> unused_blobs(const std::string& tenant, WallTime before,
                                       size_t limit) const {
    const std::lock_guard lock(mutex_);
    std::vector<StoredBlob> unused;
    for (const auto& [key, entry] : blobs_) {
      const bool old = key.first == tenant && entry.blob.used_at < before;
      if (old && !is_referred(key)) unused.push_back(entry.blob);
    }
    std::ranges::stable_sort(unused, {}, &StoredBlob::used_at);
    if (unused.size() > limit) unused.resize(limit);
    return unused;
  }

  std::vector<TaskRow> list(const ListFilter& filter) const {
    const std::lock_guard lock(mutex_);
    const size_t limit = std::min(filter.limit, kMaxListRows);
    const auto end = filter.before_seq ? entries_.lower_bound(*filter.before_seq) : entries_.end();
    std::vector<TaskRow> rows;
    for (auto it = std::make_reverse_iterator(end); it != entries_.rend(); ++it) {
      if (rows.size() == limit) break;
      if (matches(it->second.row, filter)) rows.push_back(it->second.row);
    }
    return rows;
  }

 private:
  struct Saved {
    TaskId id;
    std::optional<Entry> entry;  // as it was; nothing: it was not there
  };

  const Entry* find(const TaskId& id) const {
    const auto seq = seqs_.find(id);
    return seq == seqs_.end() ? nullptr : &entries_.at(seq->second);
  }
  Entry* find(const TaskId& id) {
    const auto seq = seqs_.find(id);
    return seq == seqs_.end() ? nullptr : &entries_.at(seq->second);
  }

  // What an update is about to change, put aside first.
  Entry* find_to_change(const TaskId& id) {
    Entry* entry = find(id);
    if (entry != nullptr) undo_.push_back(Saved{id, *entry});
    return entry;
  }

  Status apply(const model::InsertTask& write) {
    const TaskRow& row = write.row;
    if (Status s = check_insert(write); !s) return s;
    if (find(row.id) != nullptr) return task_exists(row.id);
    if (entries_.contains(row.seq)) return seq_taken(row.seq);
    undo_.push_back(Saved{row.id, std::nullopt});
    seqs_.emplace(row.id, row.seq);
    entries_.emplace(row.seq, Entry{row, write.program, nullptr, {}, write.blobs});
    last_seq_ = std::max(last_seq_, row.seq);
    return {};
  }

  Status apply(const model::UpdateTask& write) {
    Entry* entry = find_to_change(write.row.id);
    if (entry == nullptr) return unknown_task("an update", write.row.id);
    if (!same_key(entry->row, write.row)) return key_changed(write.row.id);
    entry->row = write.row;
    return {};
  }

  Status apply(const model::PutResult& write) {
    if (Status s = check_result(write); !s) return s;
    Entry* entry = find_to_change(write.id);
    if (entry == nullptr) return unknown_task("a result", write.id);
    entry->result = write.result;
    entry->result_blobs = write.blobs;
    return {};
  }

  Status apply(const model::AddEvent& write) {
    Entry* entry = find_to_change(write.event.id);
    if (entry == nullptr) return unknown_task("an event", write.event.id);
    entry->events.push_back(write.event);
    return {};
  }

  Status apply(const model::DeleteTask& write) {
    const Entry* entry = find_to_change(write.id);
    if (entry == nullptr) return {};
    hand_on_result(*entry);
    erase(write.id);
    return {};
  }

  Status apply(const model::PutQueue& write) {
    if (!old_queues_) old_queues_ = queues_;
    queues_[write.settings.queue] = write.settings;
    return {};
  }

  Status apply(const model::PutBlobChunk& write) {
    const BlobKey key(write.tenant, write.blob.sha256);
    const auto known = blobs_.find(key);
    const bool is_new = known == blobs_.end();
    if (Status s = check_chunk(write, is_new ? nullptr : &known->second.blob.state); !s) return s;
    undo_blobs_.push_back({key, is_new ? std::nullopt : std::optional(known->second)});
    BlobEntry& entry = blobs_[key];
    entry.blob.state.blob = write.blob;
    entry.blob.state.received += write.bytes->size();
    entry.blob.state.complete = write.last;
    entry.blob.used_at = write.at;
    entry.chunks[write.offset] = write.bytes;
    return {};
  }

  Status apply(const model::DeleteBlob& write) {
    const BlobKey key(write.tenant, write.sha256);
    const auto known = blobs_.find(key);
    if (known == blobs_.end() || is_referred(key)) return {};
    undo_blobs_.push_back({key, std::move(known->second)});
    blobs_.erase(known);
    return {};
  }

  bool is_referred(const BlobKey& key) const {
    return std::ranges::any_of(entries_, [&](const auto& one) { return refers(one.second, key); });
  }

  // Before `entry` goes: its result is the oldest one's that refers to it, and the rest's through
  // that one. Looks at every task, which a store for tests may.
  void hand_on_result(const Entry& entry) {
    std::optional<TaskId> heir;
    for (auto& [seq, other] : entries_) {
      if (other.row.result_of != entry.row.id) continue;
      undo_.push_back(Saved{other.row.id, other});
      other.row.result_of = heir;
      if (heir) continue;
      heir = other.row.id;
      other.result = entry.result;
      other.result_blobs = entry.result_blobs;
      other.row.result_bytes = entry.row.result_bytes;
    }
  }

  void erase(const TaskId& id) {
    const auto seq = seqs_.find(id);
    if (seq == seqs_.end()) return;
    entries_.erase(seq->second);
    seqs_.erase(seq);
  }

  void put_back() {
    if (old_queues_) queues_ = *std::exchange(old_queues_, std::nullopt);
    for (; !undo_blobs_.empty(); undo_blobs_.pop_back()) {
      auto& [key, entry] = undo_blobs_.back();
      blobs_.erase(key);
      if (entry) blobs_.emplace(key, *std::move(entry));
    }
    while (!undo_.empty()) {
      Saved saved = std::move(undo_.back());
      undo_.pop_back();
      erase(saved.id);
      if (!saved.entry) continue;
      seqs_.emplace(saved.id, saved.entry->row.seq);
      entries_.emplace(saved.entry->row.seq, *std::move(saved.entry));
    }
  }

  mutable std::mutex mutex_;  // guards all below
  uint64_t boot_ = 0;
  uint64_t last_seq_ = 0;
  std::map<uint64_t, Entry> entries_;  // by seq
  std::unordered_map<TaskId, uint64_t> seqs_;
  std::map<std::string, model::QueueSettings> queues_;
  std::map<BlobKey, BlobEntry> blobs_;
  // Of the batch under way:
  std::vector<Saved> undo_;
  std::vector<std::pair<BlobKey, std::optional<BlobEntry>>> undo_blobs_;
  std::optional<std::map<std::string, model::QueueSettings>> old_queues_;
};

class MemoryReader : public Reader {
 public:
  explicit MemoryReader(std::shared_ptr<const Contents> contents)
      : contents_(std::move(contents)) {}

  Result<std::optional<TaskRow>> find_task(const TaskId& id) override {
    return contents_->with(id, [](const Entry* entry) {
      return entry == nullptr ? std::nullopt : std::optional(entry->row);
    });
  }
  Result<model::Bytes> find_program(const TaskId& id) override {
    return contents_->with(id, [](const Entry* e) { return e == nullptr ? nullptr : e->program; });
  }
  Result<model::Bytes> find_result(const TaskId& id) override { return contents_->result(id); }
  Result<std::vector<model::TaskEvent>> events(const TaskId& id) override {
    return contents_->with(id, [](const Entry* entry) {
      return entry == nullptr ? std::vector<model::TaskEvent>{} : entry->events;
    });
  }
  Result<std::vector<TaskRow>> list(const ListFilter& filter) override {
    return contents_->list(filter);
  }
  Result<std::optional<StoredBlob>> find_blob(const std::string& tenant,
                                              const Sha256& sha256) override {
    return contents_->find_blob({tenant, sha256});
  }
  Result<model::Bytes> read_blob(const std::string& tenant, const Sha256& sha256,
                                 uint64_t offset) override {
    return contents_->read_blob({tenant, sha256}, offset);
  }
  Result<BlobUsage> blob_usage(const std::string& tenant) override {
    return contents_->blob_usage(tenant);
  }
  Result<std::vector<StoredBlob>> unused_blobs(const std::string& tenant, WallTime before,
                                               size_t limit) override {
    return contents_->unused_blobs(tenant, before, limit);
  }

 private:
  std::shared_ptr<const Contents> contents_;
};

class MemoryStore : public Store {
 public:
  Result<Boot> open_boot() override { return contents_->start_boot(); }
  Status load_live(const std::function<void(TaskRow)>& each) override {
    for (TaskRow& row : contents_->live()) each(std::move(row));
    return {};
  }
  Status load_queues(const std::function<void(model::QueueSettings)>& each) override {
    for (model::QueueSettings& settings : contents_->queues()) each(std::move(settings));
    return {};
  }
  Status load_cached(WallTime finished_since, size_t limit,
                     const std::function<void(TaskRow)>& each) override {
    for (TaskRow& row : contents_->cached(finished_since, limit)) each(std::move(row));
    return {};
  }
  Result<std::map<std::string, uint64_t>> count_dead() override { return contents_->dead(); }
  Status commit(const model::Writes& writes) override { return contents_->commit(writes); }
  Result<std::unique_ptr<Reader>> reader() override {
    return std::unique_ptr<Reader>(std::make_unique<MemoryReader>(contents_));
  }

 private:
  std::shared_ptr<Contents> contents_ = std::make_shared<Contents>();
};

}  // namespace

std::unique_ptr<Store> make_memory_store() { return std::make_unique<MemoryStore>(); }

}  // namespace kiln::store
