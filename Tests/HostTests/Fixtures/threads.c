/* One registry and one objective, used by every function from many threads at once; an objective closed concurrently; then a child that
 * was forked. */
#include "check.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 8, LARGE = 100000 };
static losskit_registry_ref registry;
static losskit_objective_ref shared, moving;
static pairs expected;

static double difference(double chosen_reward, double rejected_reward) { return rejected_reward - chosen_reward; }

/* Calls every function that is not used elsewhere here; returns the number of failed calls. */
static int texts(void *argument) {
  losskit_registry_ref another = NULL;
  losskit_column_info column;
  char *text = NULL, declaration[160], name[16];
  int wrong = 0;
  snprintf(name, sizeof name, "thread-%d", (int)(intptr_t)argument);
  snprintf(declaration, sizeof declaration,
           "{\"name\": \"%s\", \"kind\": \"loss\", \"function\": \"double f(double chosen_reward, double rejected_reward)\"}", name);
  wrong += losskit_registry_add_function(registry, declaration, (losskit_function)difference, NULL, NULL, NULL);
  wrong += losskit_registry_describe(registry, name, &text, NULL);
  losskit_text_free(text);
  wrong += losskit_registry_remove_function(registry, name, "loss", NULL);
  wrong += losskit_objective_text(shared, &text, NULL);
  losskit_text_free(text);
  wrong += losskit_objective_hash(shared, &text, NULL);
  losskit_text_free(text);
  wrong += losskit_objective_column(shared, 0, &column, NULL);
  wrong += losskit_objective_export(shared, "json", 0, 0, &text, NULL);
  losskit_text_free(text);
  wrong += losskit_registry_open(NULL, &another, NULL);
  wrong += losskit_registry_add(another, "/nowhere/lib.so", NULL) != 1;
  wrong += losskit_registry_close(another, NULL);
  return wrong + (losskit_version() == NULL);
}

/* Evaluates the shared objective, and opens and closes its own handles concurrently. */
static void *work(void *argument) {
  losskit_failure own_failure;
  intptr_t wrong = 0;
  for (int i = 0; i < 200; i++) {
    pairs made;
    losskit_objective_ref own = NULL;
    char *text = NULL;
    make_pairs(&made);
    wrong += losskit_objective_evaluate(shared, &made.batch, NULL, 0, 0, &made.results, &own_failure) != 0;
    wrong += memcmp(made.gradient, expected.gradient, sizeof made.gradient) != 0;
    double state[8];
    losskit_objective_info info;
    wrong += losskit_objective_describe(moving, &info, &own_failure) != 0;
    wrong += losskit_objective_initial_state(moving, state, info.state_count, &own_failure) != 0;
    wrong += losskit_objective_evaluate(moving, &made.batch, state, info.state_count, 1, &made.results, &own_failure) != 0;
    if (i % 10 != (int)(intptr_t)argument) continue;
    wrong += losskit_objective_open(registry, "ipo(beta=0.2)", NULL, 0, NULL, &own, &own_failure) != 0;
    wrong += losskit_registry_list(registry, &text, &own_failure) != 0;
    losskit_text_free(text);
    wrong += texts(argument) != 0;
    wrong += losskit_objective_close(own, &own_failure) != 0;
  }
  return (void *)wrong;
}

/* A batch large enough to be spread over all processors. */
static double large_loss(void) {
  static double values[2 * LARGE], references[2 * LARGE], gradient[2 * LARGE];
  for (size_t i = 0; i < 2 * LARGE; i++) values[i] = -10 - (double)(i % 17) / 4, references[i] = -11;
  losskit_column_binding columns[2] = {
      {"policy_logp", 0, LOSSKIT_WHOLE, doubles(values, 2 * LARGE), doubles(gradient, 2 * LARGE)},
      {"reference_logp", 0, LOSSKIT_WHOLE, doubles(references, 2 * LARGE), {0}}};
  losskit_batch batch = {LARGE, 2, 1, NULL, NULL, columns, 2};
  losskit_results results = {0};
  WORKS(losskit_objective_evaluate(shared, &batch, NULL, 0, 0, &results, &failure));
  return results.mean_loss;
}

static losskit_objective_ref closing;
static atomic_int uses, users;

/* Evaluates until another thread has closed the objective: correct results until then, and an error afterwards. */
static void *use_to_the_end(void *argument) {
  (void)argument;
  losskit_failure own_failure;
  intptr_t wrong = 0;
  for (;;) {
    pairs made;
    make_pairs(&made);
    if (losskit_objective_evaluate(closing, &made.batch, NULL, 0, 0, &made.results, &own_failure) == 0) {
      wrong += memcmp(made.gradient, expected.gradient, sizeof made.gradient) != 0;
      atomic_fetch_add(&uses, 1);
      continue;
    }
    wrong += !strstr(own_failure.message, "closed");
    break;
  }
  atomic_fetch_sub(&users, 1);
  return (void *)wrong;
}

static void close_while_in_use(void) {
  pthread_t threads[THREADS];
  closing = objective(registry, "dpo(beta=0.1)");
  atomic_store(&users, THREADS);
  for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, use_to_the_end, NULL) == 0);
  while (atomic_load(&uses) < 100 && atomic_load(&users) > 0) sched_yield();
  WORKS(losskit_objective_close(closing, &failure));
  for (int i = 0; i < THREADS; i++) {
    void *wrong = NULL;
    pthread_join(threads[i], &wrong);
    CHECK(wrong == NULL);
  }
}

static void use_in_child(void) {
  double loss = large_loss();
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    alarm(60);
    pairs made;
    make_pairs(&made);
    WORKS(losskit_objective_evaluate(shared, &made.batch, NULL, 0, 0, &made.results, &failure));
    CHECK(memcmp(made.gradient, expected.gradient, sizeof made.gradient) == 0);
    CHECK(large_loss() == loss);
    losskit_objective_ref own = objective(registry, "cal-dpo");
    losskit_objective_close(own, NULL);
    fflush(stdout);
    _exit(failures != 0);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  if (status != 0) printf("the child ended with status %x\n", (unsigned)status);
  CHECK(status == 0);
}

int main(void) {
  pthread_t threads[THREADS];
  registry = installed_registry();
  shared = objective(registry, "dpo(beta=0.1)");
  moving = objective(registry, "beta-dpo");
  make_pairs(&expected);
  WORKS(losskit_objective_evaluate(shared, &expected.batch, NULL, 0, 0, &expected.results, &failure));
  for (intptr_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
  for (int i = 0; i < THREADS; i++) {
    void *wrong = NULL;
    pthread_join(threads[i], &wrong);
    CHECK(wrong == NULL);
  }
  close_while_in_use();
  use_in_child();
  return failures != 0;
}
