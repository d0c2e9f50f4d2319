/* The workers. Threads start with the first job; jobs wait in one list behind one mutex. */
#include "daemon/worker.h"

#include "daemon/limits.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#define STACK (512u << 10)
#define NICE 10

struct rpc_workers {
	void (*done)(void *ctx, struct mt_job *job);
	void *ctx;
	struct ev_loop *ev;
	struct ev_async wake;
	pthread_t threads[RPC_MAX_JOBS];
	unsigned started, idle;
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct mt_job *todo, **todo_tail, *finished, *running[RPC_MAX_JOBS];
	bool stop;
};

int rpc_thread_start(pthread_t *t, void *(*run)(void *), void *ctx)
{
	sigset_t all, old;
	pthread_attr_t attr;
	int rc;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	rc = pthread_create(t, &attr, run, ctx);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return rc ? -TG_E_INTERNAL : 0;
}

static unsigned free_slot(const struct rpc_workers *w)
{
	unsigned i = 0;

	while (w->running[i])
		i++;
	return i;
}

/* Sums wait for the loop where processors are few, not the other way round: a batch thread that
 * wakes up takes the core from nobody. A wish (our unit's filter refuses both); on Linux both are
 * the calling thread's own. */
static void give_way(void)
{
	struct sched_param none = {0};

	(void)setpriority(PRIO_PROCESS, 0, NICE);
	(void)sched_setscheduler(0, SCHED_BATCH, &none);
}

static void *run(void *ctx)
{
	struct rpc_workers *w = ctx;

	give_way();
	pthread_mutex_lock(&w->lock);
	for (;;) {
		struct mt_job *job;
		unsigned slot;

		w->idle++;
		while (!w->todo && !w->stop)
			pthread_cond_wait(&w->work, &w->lock);
		w->idle--;
		if (w->stop)
			break;
		job = w->todo;
		w->todo = job->next;
		if (!w->todo)
			w->todo_tail = &w->todo;
		slot = free_slot(w);
		w->running[slot] = job;
		pthread_mutex_unlock(&w->lock);
		job->run(job);
		pthread_mutex_lock(&w->lock);
		w->running[slot] = NULL;
		job->next = w->finished;
		w->finished = job;
		ev_async_send(w->ev, &w->wake);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void on_wake(struct ev_loop *ev, struct ev_async *watch, int events)
{
	struct rpc_workers *w = watch->data;
	struct mt_job *list, *next;

	(void)ev, (void)events;
	pthread_mutex_lock(&w->lock);
	list = w->finished;
	w->finished = NULL;
	pthread_mutex_unlock(&w->lock);
	for (; list; list = next) {
		next = list->next;
		w->done(w->ctx, list);
	}
}

int rpc_workers_new(struct ev_loop *ev, void (*done)(void *ctx, struct mt_job *job), void *ctx,
		    struct rpc_workers **ret)
{
	struct rpc_workers *w = calloc(1, sizeof *w);

	if (!w)
		return -TG_E_NOMEM;
	w->ev = ev;
	w->done = done;
	w->ctx = ctx;
	w->todo_tail = &w->todo;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->work, NULL);
	ev_async_init(&w->wake, on_wake);
	w->wake.data = w;
	ev_async_start(ev, &w->wake);
	*ret = w;
	return 0;
}

static void free_list(struct mt_job *list)
{
	while (list) {
		struct mt_job *next = list->next;

		list->free(list);
		list = next;
	}
}

void rpc_workers_free(struct rpc_workers *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_broadcast(&w->work);
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->started; i++)
		pthread_join(w->threads[i], NULL);
	free_list(w->todo);
	free_list(w->finished);
	ev_async_stop(w->ev, &w->wake);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->work);
	free(w);
}

void rpc_workers_put(struct rpc_workers *w, struct mt_job *job)
{
	pthread_mutex_lock(&w->lock);
	job->next = NULL;
	*w->todo_tail = job;
	w->todo_tail = &job->next;
	if (!w->idle && w->started < RPC_MAX_JOBS &&
	    rpc_thread_start(&w->threads[w->started], run, w) == 0)
		w->started++;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
}

void rpc_workers_disown(struct rpc_workers *w, const void *owner)
{
	pthread_mutex_lock(&w->lock);
	for (struct mt_job *j = w->todo; j; j = j->next)
		if (j->owner == owner)
			j->owner = NULL;
	for (struct mt_job *j = w->finished; j; j = j->next)
		if (j->owner == owner)
			j->owner = NULL;
	for (unsigned i = 0; i < RPC_MAX_JOBS; i++)
		if (w->running[i] && w->running[i]->owner == owner)
			w->running[i]->owner = NULL;
	pthread_mutex_unlock(&w->lock);
}
